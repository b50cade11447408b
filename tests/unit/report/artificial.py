"""Results of a run that never happened: every stage's files in their real form, with invented round numbers."""

from itertools import product

import pandas as pd

from synthnotes.files import write_csv, write_json
from synthnotes.questionnaire.ratings import analyse, answer_counts

RATE = {"f1": 0.5, "precision": 0.4, "recall": 0.6, "false_positive_rate": 0.1, "auc": 0.9}
CORRELATION = {"n": 9, "pearson": {"r": 0.5, "p": 0.01}, "spearman": {"r": None, "p": None}}

FOUND = ("located", "flagged_by_passage", "nearest_is_source", "flagged_by_recall")


def write(results, params, ratings):
    """Writes all result files that a report for `params` reads."""
    for corpus in params.corpora:
        for name, content in of_corpus(corpus == "mimic").items():
            write_json(results / name / f"{corpus}.json", content)
        for training in ("real_l", "real_s", "synthetic_s"):
            write_json(results / "coding" / corpus / f"{training}.json", coder())
            curve = pd.DataFrame({"epoch": [1, 2], "training_loss": [0.5, 0.4], "validation_map": [0.2, 0.3]})
            write_csv(results / "coding" / corpus / f"{training}-curve.csv", curve)
        write_csv(results / "finetune" / f"{corpus}-curve.csv", pd.DataFrame({"step": [1, 2], "loss": [4.0, 3.0]}))
        for view in ("frequency", "length"):
            write_csv(results / "errors" / f"{corpus}-{view}.csv", curves(["real", "synthetic"]))
        write_csv(results / "errors" / f"{corpus}-chapters.csv", chapters())
        recall = [
            {"kind": k, "recall": r, "cumulative_share": r} for k, r in product(["synthetic", "control"], [0.5, 1])
        ]
        write_csv(results / "privacy" / f"{corpus}-recall.csv", pd.DataFrame(recall))
        shared = [{"kind": k, "words": w, "share_longer": 1 - w / 9} for k in ("synthetic", "control") for w in (0, 9)]
        write_csv(results / "privacy" / f"{corpus}-passages.csv", pd.DataFrame(shared))
        found = [dict.fromkeys(("words", *FOUND), words) for words in (0, 1)]
        write_csv(results / "detection" / f"{corpus}-curve.csv", pd.DataFrame(found))
    for corpus in set(params.corpora) & set(params.noise.corpora):
        kinds = [f"{h}-{level}" for h, level in product(params.noise.hypotheses, params.noise.levels)]
        for kind in kinds:
            noisy = {"noise": {"words": 1000, "words_changed": 250}} | coder()
            write_json(results / "noise" / corpus / f"{kind}.json", noisy)
        write_json(results / "hypotheses" / f"{corpus}.json", hypotheses(params.noise))
        table = pd.concat(curves(["synthetic", *kinds]).assign(curve=curve) for curve in ("frequency", "length"))
        write_csv(results / "hypotheses" / f"{corpus}-curves.csv", table)
    answers = pd.read_csv(ratings)
    write_json(results / "ratings" / "ratings.json", analyse(answers, 0.5, 0.05, 200, 1))
    write_csv(results / "ratings" / "answers.csv", answer_counts(answers))


def of_corpus(names_patients):
    """The JSON results of the stages with one file per corpus."""
    step = {"admissions": 90 if names_patients else None, "patients": 80 if names_patients else None, "codes": None}
    subset = {"notes": 30, "patients": 20, "codes": 5, "train": 27, "validation": 3, "evaluation": 0}
    records = {"records": 30, "mean_descriptions": 2.5}
    statistics = dict.fromkeys(
        ["documents", "sentences", "tokens", "sentences_per_document", "tokens_per_document", "tokens_per_sentence"], 7
    ) | {"unique_tokens": 6, "unique_token_ratio": 0.5}
    summary = {"mean": 0.25, "median": 0.2, "min": 0.0, "max": 0.5}
    of_notes = {"notes": 10, "all": summary, "top": summary}
    passages = {"pairs": 2, "longest_run_words": summary, "occurrences_in_training": summary, "template_share": None}
    longest = {"words": summary, "longest": {"passages": 2, "words": summary, "training_notes": summary}}
    measure = {"synthetic": 0.3, "control": 0.4, "difference": -0.1, "low": -0.2, "high": 0.0, "verdict": "not nearer"}
    measure["notes_above_control"] = 3
    predictions = {"total": 40, "per_note": 2.0, "unique": 4}
    errors = {
        "predictions": {"predicted": predictions, "true": predictions, "correct": predictions, "coverage": 0.8},
        "code_match": {"exact_share": 0.1, "proper_subset_share": None, "empty": 3},
        "frequency": CORRELATION,
        "length": {"boundary": 150, "limit": 4000, "below": CORRELATION, "above": CORRELATION},
        "families": {
            "wrong": 10, "within_family": 4, "out_of_family": 6, "within_family_share": 0.4, "out_of_family_share": 0.6
        },
    }  # fmt: skip
    return {
        "corpus": {
            "sources_sha256": {"folder/a_file.csv.gz": "0123456789abcdef" * 4},
            "flow": {
                "released": {"notes": 100, "dropped": 0, "why": None} | step,
                "with_text": {"notes": 90, "dropped": 10, "why": "no text | {{< meta title >}} @tbl-none"} | step,
            },
            "subsets": dict.fromkeys("LSE", subset),
            "splits": {"shared_patients": {"L_S": 0, "L_E": 0, "S_E": 0} if names_patients else None},
            "codes": dict.fromkeys(
                [
                    *("unique", "unique_diagnoses", "unique_procedures", "per_note_mean", "per_note_median"),
                    *("without_description", "notes_without_description"),
                ],
                5,
            ),
            "words_per_note": {"mean": 99.5, "percentile_5": 50.0, "median": 99.0, "percentile_95": 150.0},
        },
        "records": {"training": records, "prompts": records},
        "finetune": {
            "records": 30, "records_truncated": 0, "steps": 2,
            "first_loss": 4.0, "last_loss": 3.0, "validation_loss": 3.5
        },
        "merge": {"share_same_next_token": 1.0},
        "generate": {
            "prompts": 30, "prompts_too_long": 0, "samples": 150, "share_stopped": 0.9, "share_cut": 0.1,
            "mean_words": 98.5, "similarity": {"within_prompts": 0.4, "between_prompts": 0.2},
        },
        "fidelity": {"real": statistics, "synthetic": statistics, "difference": dict.fromkeys(statistics, 0)},
        "errors": {"real": errors, "synthetic": errors},
        "detection": {"by_words": {"10": {"notes": 5} | dict.fromkeys(FOUND, 0.5)}},
        "privacy": {
            "notes": {"matched_code_similarity": 0.5, "matched_length_ratio": 1.25},
            "longest": {"synthetic_matched": longest, "control": longest},
            "measures": dict.fromkeys(("rouge_recall", "ngram_share", "longest_passage"), measure),
            "rouge": {
                "recall": {
                    "synthetic_matched": of_notes, "control": of_notes, "difference": {"all": summary, "top": summary}
                },
                "passages": {"synthetic": passages, "control": passages},
            },
            "overlap": {
                "real_unique": 1000, "synthetic_unique": 500, "common": 50, "jaccard": 0.03, "synthetic_share": 0.1,
                "synthetic_matched_share": 0.1, "control_share": 0.05,
            },
        },
        "questionnaire": {"notes": 6},
    }  # fmt: skip


def coder():
    """The results of a coder."""
    ranking = [
        "map",
        "precision_at_5",
        "precision_at_8",
        "precision_at_15",
        "recall_at_10",
        "recall_at_15",
        "r_precision",
    ]
    metrics = {
        "micro": RATE,
        "macro": RATE,
        "ranking": dict.fromkeys(ranking, 0.7),
        "exact_match_ratio": 0.2,
        "loss": 0.3,
    }
    return {"training_notes": 27, "threshold": 0.4} | metrics | {"baseline": metrics}


def curves(coders):
    """Two points per coder."""
    rows = [{"coder": c, "x": x, "mean": 0.5, "sd": 0.1, "count": 5} for c, x in product(coders, [10, 100])]
    return pd.DataFrame(rows)


def chapters():
    """Two families and the rest."""
    titles = {"I": "Infections of an artificial kind", "XX": "External causes", "Others": "Others"}
    return pd.DataFrame(
        [
            {"coder": coder, "family": family, "title": title, "predictions": 10, "share": 1 / 3}
            for coder, (family, title) in product(["real", "truth", "synthetic"], titles.items())
        ]
    )


def hypotheses(noise):
    """The last level of the last hypothesis is nearest."""
    areas = {"frequency_area": 0.1, "length_area": 0.2, "distance": 0.15}
    return {
        "synthetic": {"micro_f1": 0.5, "macro_f1": 0.4},
        "distances": {h: {str(level): areas for level in noise.levels} for h in noise.hypotheses},
        "winner": {"hypothesis": noise.hypotheses[-1], "level": noise.levels[-1], "distance": 0.15},
    }
