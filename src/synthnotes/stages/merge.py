"""Merge: the fine-tuned adapters merged into the base model (paper, section 4.1)."""

from pathlib import Path

from synthnotes.generation.generators import check_adapter, load_tokenizer
from synthnotes.generation.records import encode_prompts, read_records
from synthnotes.machinery import params
from synthnotes.machinery.cli import run
from synthnotes.machinery.files import disk_space_needed, replacing, write_json
from synthnotes.machinery.params import MergeParams


def main(corpus: str, base: Path, adapter: Path, records: Path, merged: Path, check: Path) -> str:
    """Saves base + adapter as one model and checks that both predict the same."""
    settings = params.load("merge", MergeParams)
    check_adapter(adapter)
    chosen = read_records(records / "prompts.jsonl")[: settings.check_records]
    tokenizer = load_tokenizer(base)
    prompts = encode_prompts(tokenizer, [record.prompt for record in chosen])
    from synthnotes.generation.generators import silence_libraries
    from synthnotes.generation.merging import merge

    silence_libraries()
    with disk_space_needed(merged), replacing(merged) as folder:
        found = merge(base, adapter, folder, tokenizer, settings.precision, prompts)
    write_json(check, found)
    return f"{corpus}: logits differ by {found['largest_logit_difference']:.1e} at most from base + adapter"


if __name__ == "__main__":
    run(main)
