# Changes of colour: jitter as in the training from image tags, weak_jitter for the last network of a pipeline.
jitter = dict(
    type='PhotoMetricDistortion',
    brightness_delta=38,
    contrast_range=(0.7, 1.3),
    saturation_range=(0.7, 1.3),
    hue_delta=18,
)
weak_jitter = dict(
    type='PhotoMetricDistortion',
    brightness_delta=10,
    contrast_range=(1.0, 1.0),
    saturation_range=(0.9, 1.1),
    hue_delta=10,
)
