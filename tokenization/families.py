"""The special tokens of other model families, as settings of a vocabulary: `tokenizer_at(path, STARCODER)`.

All of them order a cut document as DeepSeek does (prefix, suffix, middle); what differs is the strings, whether samples
begin with a token, what ends a middle, and whether SPM was trained.
"""

from typing import Final

from tokenization.tokenizer import SpecialTokens

# <fim_prefix>P<fim_suffix>S<fim_middle>M<|endoftext|>; joint PSM and SPM (StarCoder, 2305.06161; Megatron fork's SPM is
# <fim_prefix><fim_suffix>S<fim_middle>PM). No begin token.
STARCODER: Final = SpecialTokens(
    begin=None,
    end="<|endoftext|>",
    fim_hole="<fim_suffix>",
    fim_begin="<fim_prefix>",
    fim_end="<fim_middle>",
)

# <|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>M<|endoftext|>; PSM only is published (2409.12186). No begin token.
QWEN25_CODER: Final = SpecialTokens(
    begin=None,
    end="<|endoftext|>",
    fim_hole="<|fim_suffix|>",
    fim_begin="<|fim_prefix|>",
    fim_end="<|fim_middle|>",
    layouts=("psm",),
)

# <PRE>P<SUF>S<MID>M<EOT>, half PSM and half SPM as <PRE><SUF>S<MID>PM (2308.12950, appendix). A middle ends with a
# token of its own, so that a sample's end token still follows. The pieces are written with U+2581, as in its
# vocabulary. That vocabulary is SentencePiece, which this project does not encode with: these strings are for a byte-
# level one.
CODELLAMA: Final = SpecialTokens(
    begin="<s>",
    end="</s>",
    fim_hole="▁<SUF>",
    fim_begin="▁<PRE>",
    fim_end="▁<MID>",
    fim_stop="▁<EOT>",
)
