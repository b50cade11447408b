"""The questionnaire on paper: one HTML file, a page per note, for raters who do not work at a screen."""

from collections.abc import Sequence

from jinja2 import Environment, StrictUndefined, TemplateError

from synthnotes.machinery.files import UserError
from synthnotes.questionnaire.survey import SurveyNote
from synthnotes.questionnaire.wording import Wording


def form(template: str, notes: Sequence[SurveyNote], wording: Wording, survey: str, where: str) -> str:
    """Fills the form's template.

    Args:
        template: HTML with Jinja's marks; all that is filled in is escaped.
        notes: in blinded order. The template sees their numbers and texts alone, so that no form can tell kinds.
        wording: the texts around them.
        survey: the questionnaire's version, printed on every page.
        where: the template's name, for messages.

    Raises:
        UserError: the template is faulty.
    """
    blinded = [{"number": note.number, "text": note.text} for note in notes]
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    try:
        return environment.from_string(template).render(notes=blinded, wording=wording, survey=survey)
    except TemplateError as error:
        raise UserError(f"{where}: {error.message}") from error
