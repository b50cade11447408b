"""Languages: what a corpus in a language needs besides its notes, a file of languages/ for each.

The keys of a language file are parameters of the stages that read them: another wording of the questionnaire makes no
other stage stale.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from synthnotes.machinery.files import UserError, read_yaml
from synthnotes.machinery.params import Section, Text, validate

LANGUAGES = Path("languages")


class Language(Section):
    """A language.

    Attributes:
        name: in English, as the report says it.
        prompt: what a generator reads before it writes, with {instruction} and {input} (the titles of the codes).
        instruction: what it is asked to do.
        stop_words: function words, separated by white space.
        word_list: of the words that are noise: the name of wordfreq's list, or the words themselves.
        rouge_tokenizer: `ascii` takes letters without accents and digits for words, `unicode` those of any language.
        abbreviations: words whose full stop does not end a sentence.
        questionnaire: `questionnaire.survey.Wording`.
    """

    name: Text
    prompt: Text
    instruction: Text
    stop_words: Text
    word_list: Text | Annotated[list[Text], Field(min_length=1)]
    rouge_tokenizer: Literal["ascii", "unicode"]
    abbreviations: list[Text]
    questionnaire: dict[str, Any]

    @model_validator(mode="after")
    def _prompts(self) -> "Language":
        try:
            filled = self.prompt.format(instruction="INSTRUCTION", input="INPUT")
        except (KeyError, IndexError, ValueError):
            filled = ""
        if "INSTRUCTION" not in filled or "INPUT" not in filled:
            raise ValueError("prompt must hold {instruction} and {input}, and no other braces")
        return self

    def render_prompt(self, descriptions: list[str]) -> str:
        """Gives the prompt for a note with these code descriptions, printed as Python prints a list of strings.

        It ends with the line break after the response's heading, where the note begins.
        """
        return self.prompt.format(instruction=self.instruction, input=list(map(str, descriptions)))


def read_language(path: Path) -> Language:
    """Reads a language file.

    Raises:
        UserError: there is none, or a key is missing or wrong.
    """
    if not path.is_file():
        there = ", ".join(sorted(file.name for file in path.parent.glob("*.yaml"))) or "none"
        raise UserError(
            f"{path}: missing (there: {there}). A language is a file with {', '.join(Language.model_fields)}: copy "
            "that of another language and translate it, or name one that is there (corpora.….language in params.yaml)."
        )
    return validate(read_yaml(path), str(path), Language)


def read_stop_words(folder: Path) -> dict[str, frozenset[str]]:
    """The function words of every language of a folder, by the name of its file."""
    return {path.stem: frozenset(read_language(path).stop_words.split()) for path in sorted(folder.glob("*.yaml"))}
