from synthnotes.generation.prompts import INSTRUCTION, render_prompt


def test_english_prompt_is_alpacas_with_the_list_as_python_prints_it():
    assert render_prompt("mimic", ["Essential hypertension", "Sepsis"]) == (
        "Below is an instruction that describes a task, paired with an input that provides further context. "
        "Write a response that appropriately completes the request.\n\n"
        f"### Instruction:\n{INSTRUCTION['mimic']}\n\n"
        "### Input:\n['Essential hypertension', 'Sepsis']\n\n### Response:\n"
    )


def test_swedish_prompt_has_no_space_before_the_colon_and_keeps_its_letters():
    prompt = render_prompt("sepr", ["Förmaksflimmer"])
    assert prompt.startswith("Nedan är en instruktion som beskriver en uppgift, parad med en ingång")
    assert prompt.endswith("\n\n### Ingång:\n['Förmaksflimmer']\n\n### Svar:\n")


def test_a_quote_or_brace_in_a_description_stays_what_it_is():
    assert "[\"Crohn's disease\", '{odd}']" in render_prompt("mimic", ["Crohn's disease", "{odd}"])
    assert "### Input:\n[]\n" in render_prompt("mimic", [])
