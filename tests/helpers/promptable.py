"""Tiny promptable networks of random weights, in the folders that ``save_pretrained`` writes."""

import pytest
import torch

transformers = pytest.importorskip('transformers')
SIDE = 64
SMALL = {'hidden_size': 16, 'num_attention_heads': 2, 'mlp_dim': 16}
DECODER = {**SMALL, 'num_hidden_layers': 1, 'iou_head_hidden_dim': 16, 'iou_head_depth': 2}
PROMPTS = {'hidden_size': 16, 'image_size': SIDE, 'patch_size': 16, 'mask_input_channels': 4}


def filled(model, seed=0):
    """Weights that are large enough for masks that differ from prompt to prompt, and scores inside of [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(0, 0.5, generator=generator)
    head = model.mask_decoder.iou_prediction_head.proj_out
    head.weight.data.mul_(0.02)
    head.bias.data.copy_(torch.tensor([0.7, 0.65, 0.6, 0.55]))
    return model.eval()


def write_tiny_sam(folder):
    vision = {**SMALL, 'output_channels': 16, 'num_hidden_layers': 1, 'image_size': SIDE, 'patch_size': 16}
    vision.update(num_pos_feats=8, global_attn_indexes=[0], window_size=2)
    config = transformers.SamConfig(vision_config=vision, prompt_encoder_config=PROMPTS, mask_decoder_config=DECODER)
    model = filled(transformers.SamModel(config))
    model.save_pretrained(folder)
    from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

    images = SamImageProcessorPil(
        size={'longest_edge': SIDE},
        pad_size={'height': SIDE, 'width': SIDE},
        mask_size={'longest_edge': SIDE // 4},
        mask_pad_size={'height': SIDE // 4, 'width': SIDE // 4},
    )
    transformers.SamProcessor(images).save_pretrained(folder)
    return model


def tiny_sam2():
    backbone = {
        'hidden_size': 8,
        'num_attention_heads': 1,
        'blocks_per_stage': [1, 1, 1, 1],
        'embed_dim_per_stage': [8, 16, 32, 64],
        'num_attention_heads_per_stage': [1, 1, 2, 2],
        'window_size_per_stage': [4, 4, 2, 2],
        'global_attention_blocks': [],
        'image_size': [SIDE, SIDE],
        'window_positional_embedding_background_size': [4, 4],
    }
    vision = {
        'backbone_config': {'model_type': 'sam2_hiera_det_model', **backbone},
        'backbone_channel_list': [64, 32, 16, 8],
        'backbone_feature_sizes': [[16, 16], [8, 8], [4, 4]],
        'fpn_hidden_size': 16,
    }
    config = transformers.Sam2Config(vision_config=vision, prompt_encoder_config=PROMPTS, mask_decoder_config=DECODER)
    return filled(transformers.Sam2Model(config))
