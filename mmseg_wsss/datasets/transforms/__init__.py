"""One file per transform."""

from .load_shapes_image import LoadShapesImage

__all__ = ['LoadShapesImage']
