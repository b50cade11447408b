"""Prompts: the instructions and templates of both languages (paper, section 4.1).

The wordings are experimental constants. A generator understands only the prompt that it was trained on, so fine-tuning
and sampling both get theirs from `render_prompt` (repair d: the published Swedish templates of the two differed).
"""

from collections.abc import Sequence

INSTRUCTION = {
    "mimic": (
        "Given a list of textual descriptions of procedure and diagnosis codes, generate a corresponding clinical "
        "discharge summary that provides comprehensive and relevant details about the patient's medical history, "
        "current condition and treatment received at the hospital."
    ),
    "sepr": (
        "Utifrån en lista med textuella beskrivningar av diagnoskoder, generera en motsvarande klinisk anteckning som "
        "ger omfattande och relevanta detaljer om patientens sjukdomshistoria, nuvarande tillstånd och behandling som "
        "mottagits på sjukhuset."
    ),
}

TEMPLATE = {
    # Stanford Alpaca (Taori et al. 2023).
    "mimic": (
        "Below is an instruction that describes a task, paired with an input that provides further context. Write a "
        "response that appropriately completes the request.\n\n"
        "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
    ),
    "sepr": (
        "Nedan är en instruktion som beskriver en uppgift, parad med en ingång som ger ytterligare sammanhang. Skriv "
        "ett svar som på lämpligt sätt kompletterar begäran.\n\n"
        "### Instruktion:\n{instruction}\n\n### Ingång:\n{input}\n\n### Svar:\n"
    ),
}


def render_prompt(corpus: str, descriptions: Sequence[str]) -> str:
    """Gives the prompt for a note with these code descriptions.

    Args:
        corpus: `mimic` (English) or `sepr` (Swedish).
        descriptions: the titles of the note's codes, rendered as Python prints a list of strings.

    Returns:
        The prompt, up to and including the line break after the response's heading, where the note begins.
    """
    return TEMPLATE[corpus].format(instruction=INSTRUCTION[corpus], input=list(map(str, descriptions)))
