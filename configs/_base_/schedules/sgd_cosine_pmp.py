# SGD with a learning rate of 1e-5, cosine (PMP). The paper does not state momentum, weight decay, batch size and
# length: 0.9, 1e-4 and 120k iterations are common choices. It does not state how the loss is reduced either, but this
# follows from 1e-5. The step budget, the sum of the learning rates over 1 - momentum, is 1e-5 x 120,000 x 0.5 / 0.1 =
# 6. For a mean over pixels this is far too little: mmseg's FCN-R50 on VOC, from ImageNet weights, has 0.01 x 40,000 x
# 0.53 / 0.1 = 2,100. About 35 % of a crop of 320 pixels are labelled, 3.6e4 pixels: for the sum over the pixels of an
# image, with the mean over the images, 1e-5 is a rate of 0.36 and the budget is 2.2e5, as large as that of a ResNet-50
# trained from scratch on ImageNet (0.1, a tenth after 150k and 300k of 450k iterations: 1.7e5). Therefore the configs
# set PMPLoss(reduction='sum', loss_weight=1 / batch size).
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1e-5, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [dict(type='CosineAnnealingLR', eta_min=0.0, T_max=120000, by_epoch=False)]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=120000, val_interval=5000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
