"""Layers whose weight transformers looks for while it loads a model, before packed weights are unpacked.

Some families set up the weights of inner layers by their names (`module.q_proj.weight`) and fail where there is only a
`weight_packed`. Found by taking the weights from models of all families that transformers 5.23 builds without further
packages, and running on them what it runs on what it loads (`_init_weights`). A part of a model that is a family of its
own, such as the vision tower of Gemma 3, is looked for by its own settings, within the part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_LEAVES: dict[str, str] = {
    ".*": """
        altclip_vision_model blt blt_global_transformer blt_local_decoder blt_local_encoder blt_patcher bridgetower
        bridgetower_text_model bridgetower_vision_model chinese_clip_vision_model clap_audio_model clap_text_model
        clipseg_text_model clipseg_vision_model cvt dinov2 dinov2_with_registers dinov3_vit falcon
        fastspeech2_conformer groupvit groupvit_text_model groupvit_vision_model hiera ijepa kosmos-2
        kosmos_2_text_model kosmos_2_vision_model longt5 lw_detr_vit mgp-str mlcd mlcd_vision_model modernbert
        modernbert-decoder mt5 owlv2_text_model owlv2_vision_model owlvit_text_model owlvit_vision_model
        phi4_multimodal_vision pix2struct pix2struct_text_model pix2struct_vision_model pop2piano pvt pvt_v2 radio
        recurrent_gemma rf_detr_dinov2 rwkv sapiens2 seggpt siglip2_text_model siglip2_vision_model siglip_text_model
        siglip_vision_model swiftformer switch_transformers t5 timesformer tipsv2_vision_model udop umt5
        videoprism_text_model videoprism_vision_model vitdet vitpose_backbone vjepa2 xclip xclip_text_model
        xclip_vision_model xlstm
    """,
    "visual_projection": "altclip chinese_clip clipseg owlv2 owlvit",
    "projection": """
        data2vec-audio sam3_lite_text sam3_lite_text_text_model seamless_m4t seamless_m4t_v2 unispeech unispeech-sat
        wav2vec2 wav2vec2-bert wav2vec2-conformer wavlm
    """,
    "modality_projection": "modernvbert ultravbert",
    "dt_proj|out_proj": "falcon_mamba mamba",
    "out_proj": "mamba2",
    "c_proj": "gpt_bigcode",
    "o_proj": "nanochat",
    "o_proj|down_proj": "neomme",
    "linear[12]": "clap",
    "fc[12]?": "xcodec",
    "adaln_linear|attn_gate|out_proj": "esmfold2",
    "[qkv]_proj|out_proj|proj|projection|fc2": "clvp clvp_decoder clvp_encoder",
    r"\d|.*(score_head|offsets|attention_weights|value_proj|output_proj)|(vision|text|gate|up|down)_proj"
    "|(values|out)_(vision|text)_proj": """
        d_fine deimv2 grounding-dino lw_detr mask2former mm-grounding-dino oneformer pp_doclayout_v2 pp_doclayout_v3
        pp_doclayout_v4 rf_detr rt_detr rt_detr_v2 swin2sr
    """,
}
"""Last names of the layers -> families (`model_type`)."""
_FAMILIES = {family: re.compile(leaves) for leaves, families in _LEAVES.items() for family in families.split()}
_ALIASES = {"vision": "vision|visual|image|img", "audio": "audio|speech|sound", "text": "text|language"}
"""What parts of a model are called, in its settings -> in the names of its tensors."""


class LookedAt:
    """The layers of one model that cannot be packed for transformers.

    Args:
        config: its `config.json`.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._found = list(_found(config))

    def covers(self, module: str) -> bool:
        """Return whether the weight of a linear layer must stay as it is, or be stored unpacked."""
        if not self._found:
            return False
        leaf = module.rpartition(".")[2]
        return any(leaves.fullmatch(leaf) and part.search(module) for part, leaves in self._found)


def _found(config: Mapping[str, Any], part: str = "", family: str = "") -> Iterator[tuple[re.Pattern[str], Any]]:
    """Yield what tensors of a part are called, and the last names of its layers that are looked for."""
    own = config.get("model_type")
    own = own if isinstance(own, str) else f"{family}_{part}_model"
    if own in _FAMILIES:
        yield re.compile(_ALIASES.get(part) or re.escape(part), re.IGNORECASE), _FAMILIES[own]
    for key, inner in config.items():
        if key.endswith("_config") and isinstance(inner, Mapping):
            yield from _found(inner, key.removesuffix("_config"), own)
