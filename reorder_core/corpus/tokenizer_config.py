"""What a configuration says of the tokenizer that is trained on the text."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class TokenizerConfig(BaseModel):
    """Settings of the byte-level BPE; a pretrained model brings its own instead."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vocab_size: Annotated[int, Field(ge=260)] = 1024
