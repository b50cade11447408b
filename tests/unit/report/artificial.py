"""Results of a run that never happened: every stage's files in their real form, with invented round numbers."""

from functools import cache
from itertools import product

import pandas as pd

from synthnotes.coding.evaluation import average_seeds
from synthnotes.machinery import params, pipeline
from synthnotes.machinery.disclosure import suppress
from synthnotes.machinery.files import read_json, read_yaml, write_csv, write_json
from synthnotes.machinery.makers import without_makers
from synthnotes.machinery.params import TRAINING_SETS
from synthnotes.questionnaire.ratings import analyse, count_answers, count_differences
from synthnotes.significance.coder_differences import tidy
from synthnotes.significance.published_values import compare, parse
from synthnotes.significance.resampling import THE_SETS, about
from synthnotes.stages.published import OF_CORPORA
from synthnotes.stages.report import PUBLISHED

RATE = {"f1": 0.5, "precision": 0.4, "recall": 0.6, "false_positive_rate": 0.1, "auc": 0.9}
ANSWERS = {
    "interviews": 12, "tests": 1, "screened_out": 0, "without_a_pair": 1, "raters": 10, "incomplete": 0, "ratings": 60,
    "without_both_answers": 0, "without_the_other_note": 2,
}  # fmt: skip
CORRELATION = {
    "n": 9,
    "pearson": {"r": 0.5, "low": 0.25, "high": 0.75, "p": 0.01},
    "spearman": dict.fromkeys(("r", "low", "high", "p")),
}


def rarity():
    """Codes that lose the more, the rarer they are."""
    return CORRELATION | {"spearman": CORRELATION["pearson"], "verdict": "more where rare"}


FOUND = ("located", "flagged_by_passage", "nearest_is_source", "flagged_by_recall")


def write(results, params_file, ratings):
    """Writes all result files that the pipeline beside the parameters declares: a file of a new kind needs a maker."""
    settings = params.read(params_file)
    made, members = makers(settings, ratings), (*settings.corpora, *settings.ratings.studies, *PUBLISHED)
    made["published.{}"] = lambda name: compared(results, settings, ratings.with_name(f"{name}.yaml"))
    for file in pipeline.result_files(pipeline.stages(params_file.parent)):
        key = pipeline.key_of(file)
        kinds = {key.replace(f".{member}", ".{}", 1): member for member in members}
        (kind,) = kinds.keys() & made.keys()
        content = made[kind](kinds[kind])
        (write_csv if file.endswith(".csv") else write_json)(results / file, content)


def compared(results, settings, path):
    """Published values beside the results that are written already, as the stage compares them."""
    members = {stage: list(settings.corpora) for stage in OF_CORPORA} | {"ratings": list(settings.ratings.studies)}
    found = {
        of: {name: without_makers(read_json(results / of / f"{name}.json")) for name in names}
        for of, names in members.items()
    }
    return compare(parse(read_yaml(path), str(path)), found, settings.disclosure.demo)


def makers(settings, ratings):
    """What makes the content of a file, by the name of its kind: a function of the corpus or study."""
    kinds = [f"{h}-{level}" for h, level in product(settings.noise.hypotheses, settings.noise.noise_levels)]
    recall = [{"kind": k, "recall": r, "cumulative_share": r} for k, r in product(["synthetic", "control"], [0.5, 1])]
    shared = [{"kind": k, "words": w, "share_longer": 1 - w / 9} for k in ("synthetic", "control") for w in (0, 9)]
    by_noise = [curves(["synthetic", *kinds]).assign(curve=curve) for curve in ("frequency", "length")]
    answers = pd.read_csv(ratings)
    return {
        "cohort.{}": lambda corpus: cohort(corpus == "mimic"),
        "cohort.{}.attrition": lambda _: attrition(),
        "generation.{}": lambda _: generation(),
        "generation.{}.curve": lambda _: pd.DataFrame({"step": [1, 2], "loss": [4.0, 3.0]}),
        "ablation.{}": lambda _: ablation(settings),
        "utility.{}": lambda _: {of: over(settings.seeds_of(of)) for of in TRAINING_SETS},
        "utility.{}-runs": lambda _: {f"{of}-{seed}": coder() for of, seed in runs(settings)},
        "utility.{}.curves": lambda _: learning(settings),
        "significance.{}": lambda _: significance(settings),
        "significance.{}.differences": lambda _: tidy(significance(settings)).frame,
        "errors.{}.frequency": lambda _: curves(["real", "synthetic"]),
        "errors.{}.length": lambda _: curves(["real", "synthetic"]),
        "errors.{}.chapters": lambda _: chapters(),
        "errors.{}.confusion": lambda _: confusion(),
        "errors.{}.calibration": lambda _: reliability(),
        "errors.{}.codes": lambda _: code_f1_changes(),
        "hypotheses.{}": lambda _: hypotheses(settings),
        "hypotheses.{}.curves": lambda _: pd.concat(by_noise),
        "privacy.{}.recall": lambda _: pd.DataFrame(recall),
        "privacy.{}.passages": lambda _: pd.DataFrame(shared),
        "detection.{}.curve": lambda _: pd.DataFrame([dict.fromkeys(("words", *FOUND), words) for words in (0, 1)]),
        "ratings.{}": lambda _: {c: {"answers": ANSWERS} | found for c, found in evaluate(ratings).items()},
        "ratings.{}.answers": lambda _: count_answers(answers),
        "ratings.{}.differences": lambda _: count_differences(answers),
    } | {f"{stage}.{{}}": lambda _, content=content: content for stage, content in of_stages().items()}


@cache
def evaluate(ratings):
    """The ratings' evaluation, once for all tests."""
    return suppress(analyse(pd.read_csv(ratings), 0.5, 0.05, 200, 1), 1)


def cohort(names_patients):
    """A corpus that names its patients, or does not."""
    step = {"admissions": 90 if names_patients else None, "patients": 80 if names_patients else None, "codes": None}
    subset = {"notes": 30, "patients": 20, "codes": 5, "train": 27, "validation": 3, "evaluation": 0}
    split = {"notes": 30, "share_of_notes": 0.3, "share_wanted": None} | {
        "share_of_codes_missing": 0.1,
        "kl_divergence": 0.01,
    }
    records = {"records": 30, "mean_descriptions": 2.5}
    return {
        "sources_sha256": {"folder/a_file.csv.gz": "0123456789abcdef" * 4},
        "attrition": {
            "released": {"notes": 100, "dropped": 0, "why": None} | step,
            "with_text": {"notes": 90, "dropped": 10, "why": "no text | {{< meta title >}} @tbl-none"} | step,
        },
        "subsets": dict.fromkeys("LSE", subset),
        "code_rows": {"diagnosis": {"released": 9, "dropped_null": 1, "dropped_repeated": 2, "kept": 6}},
        "splits": {
            "shared_patients": {"L_S": 0, "L_E": 0, "S_E": 0} if names_patients else None,
            "groups": {"groups": 80, "notes_in_largest": 3, "notes_of_same_text": 4, "texts_shared": 2},
            "shared_texts": {"L_S": 0, "L_E": 0, "S_E": 0},
            "quality": dict.fromkeys("LSE", split),
            "folds": {subset: {"train": split, "validation": split} for subset in "LS"},
        },
        "codes": dict.fromkeys(
            [
                *("unique_categories", "unique_blocks", "unique_families", "of_unknown_family"),
                *("unique", "unique_diagnoses", "unique_procedures", "per_note_mean", "per_note_median"),
                *("without_description", "notes_without_description"),
            ],
            5,
        ),
        "words_per_note": {"mean": 99.5, "percentile_5": 50.0, "median": 99.0, "percentile_95": 150.0},
        "records": {"training": records, "prompts": records},
    }


def generation():
    """Fine-tuning, merging and samples."""
    quality = dict.fromkeys(
        [
            "mean_words",
            "percentile_5_words",
            "median_words",
            "percentile_95_words",
            "share_looping",
            "share_empty",
            "share_other_language",
            "share_language_unknown",
        ],
        0.0,
    )
    return {
        "finetune": {
            "records": 30, "records_truncated": 0, "records_dropped": 0, "share_of_tokens_cut": 0.0, "steps": 2,
            "sequences_per_epoch": 30, "share_of_sequences_filled": None,
            "first_loss": 4.0, "last_loss": 3.0, "validation_loss": 3.5
        },
        "merge": {"share_same_next_token": 1.0},
        "samples": {
            "prompts": 30, "prompts_too_long": 0, "samples": 150, "share_stopped": 0.9, "share_cut": 0.1,
            "mean_words": 98.5, "mean_log_probability": -0.75,
            "similarity": {"within_prompts": 0.4, "between_prompts": 0.2},
            "quality": {
                "real": quality, "samples": quality, "prompts_near_identical": {"prompts": 3, "share": 0.1}
            },
        },
    }  # fmt: skip


def of_stages():
    """The JSON results of the other stages with one file per corpus, alike for all."""
    statistics = dict.fromkeys(
        ["documents", "sentences", "tokens", "sentences_per_document", "tokens_per_document", "tokens_per_sentence"], 7
    ) | {"unique_tokens": 6, "unique_token_ratio": 0.5}
    summary = {"mean": 0.25, "median": 0.2, "min": 0.0, "max": 0.5}
    of_notes = {"notes": 10, "all": summary, "top": summary}
    passages = {"pairs": 2, "longest_run_words": summary, "occurrences_in_training": summary}
    passages["template_share"] = dict.fromkeys(summary)
    longest = {"words": summary, "longest": {"passages": 2, "words": summary, "training_notes": summary}}
    measure = {"synthetic": 0.3, "control": 0.4, "difference": -0.1, "low": -0.2, "high": 0.0, "verdict": "undecided"}
    measure |= {"notes_promised": 1.5, "beyond": {"notes_beyond": 3, "low": 0.001, "high": 0.02, "p": 0.2}}
    flagged = {"notes": 20} | {how: {"notes_beyond": 1, "share": 0.05} for how in ("by_passage", "by_recall")}
    predictions = {"total": 40, "per_note": 2.0, "unique": 4}
    calibrated = {
        "decisions": 500, "mean_probability": 0.12, "share_true": 0.1, "brier": 0.05,
        "expected_calibration_error": 0.02,
    }  # fmt: skip
    errors = {
        "predictions": {"predicted": predictions, "true": predictions, "correct": predictions, "coverage": 0.8},
        "code_match": {"exact_share": 0.1, "proper_subset_share": None, "empty": 3},
        "frequency": CORRELATION,
        "length": {"boundary": 150, "limit": 4000, "below": CORRELATION, "above": CORRELATION},
        "families": {
            "wrong": 10, "within_category": 1, "within_block": 2, "within_family": 4, "out_of_family": 6,
            "of_unknown_family": 1, "within_category_share": 0.1, "within_block_share": 0.2,
            "within_family_share": 0.4, "out_of_family_share": 0.6, "of_unknown_family_share": 0.1,
        },
        "calibration": calibrated | {"predicted": calibrated},
    }  # fmt: skip
    return {
        "fidelity": {"real": statistics, "synthetic": statistics, "difference": dict.fromkeys(statistics, 0)},
        "errors": {
            "real": errors,
            "synthetic": errors,
            "codes": {"listed": 2, "lose": 1, "gain": 0, "rarity": rarity()},
        },
        "detection": {
            "thresholds": {"passage_words": 32.0, "recall": 0.5},
            "by_words": {"10": {"notes": 5} | dict.fromkeys(FOUND, 0.5)},
            "flagged": {"synthetic": flagged, "unseen": flagged},
        },
        "privacy": {
            "notes": {
                "matched_code_similarity": 0.5, "matched_length_ratio": 1.25, "synthetic": 30, "unseen": 60,
                "unseen_texts_in_training": 0,
            },
            "membership": {
                "patients": 20, "counted": "notes", "members": 0.31, "others": 0.3, "difference": 0.01, "p": 0.02,
                "verdict": "nearer",
            },
            "verdict": "nearer",
            "computed_by": {"rouge": {"*": "privacy.rouge.evaluate"}, "membership": "privacy.membership.test"},
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


def ablation(params):
    """Two pairs of values for each entry of the lists; nothing where they are empty."""
    found = {"share_found": 0.6, "share_of_title_words": 0.5}
    described = found | {"share_looping": 0.1, "share_stopped": 0.9, "mean_words": 77.5}
    pairs = product(params.ablation.repetition_penalties, params.ablation.temperatures)
    entries = {
        f"pair_{number}": {"repetition_penalty": penalty, "temperature": temperature} | described
        for number, (penalty, temperature) in enumerate(pairs)
    }
    return {"prompts": 100, "real": found, "settings": entries} if entries else {"prompts": 0, "settings": {}}


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
    group = {"codes": 4, "codes_in_evaluation": 3, "micro": RATE, "macro": RATE}
    nothing = {"codes": 0, "codes_in_evaluation": 0} | dict.fromkeys(("micro", "macro"), dict.fromkeys(RATE))
    groups = dict.fromkeys(("frequent", "middle", "rare", "unseen", "diagnoses"), group) | {"procedures": nothing}
    return (
        {"training_notes": 27, "threshold": 0.4, "validation_map": 0.3}
        | metrics
        | {"reading": {"spread": 0.6, "map_without_reading": 0.3, "collapsed": False}}
        | {"baseline": metrics, "groups": groups}
    )


def over(seeds):
    """A training set's results over the seeds: the first is better by 0.02 in micro-F1."""
    of_runs = [coder() for _ in seeds]
    of_runs[0]["micro"] = RATE | {"f1": 0.52}
    return {"seeds": len(of_runs)} | average_seeds(of_runs)


def runs(settings):
    """Training set and seed of every coder."""
    return [(training, seed) for training in TRAINING_SETS for seed in settings.seeds_of(training)]


def learning(settings):
    """Two epochs of every coder, the second the better one."""
    epochs = {"epoch": [1, 2], "training_loss": [0.5, 0.4], "validation_map": [0.2, 0.3], "validation_micro_f1": 0.25}
    return pd.concat(pd.DataFrame({"training": of, "seed": seed} | epochs) for of, seed in runs(settings))


def attrition():
    """Two steps before codes are joined and one after."""
    rows = [
        ("released", "notes", 100, 0, None),
        ("with_text", "notes", 90, 10, "no text"),
        ("with_icd10_codes", "notes", 80, 10, "no ICD-10 code"),
        ("with_icd10_codes", "codes", 5, None, "no ICD-10 code"),
    ]
    return pd.DataFrame(rows, columns=["step", "unit", "left", "dropped", "why"]).assign(of="notes")


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


def confusion():
    """Both coders give each family in the place of the other, and of nothing."""
    pairs = [("I", "I", 5.0), ("XX", "I", 2.0), ("none", "XX", 1.0), ("unknown", "PCS 0", 0.5)]
    rows = [
        {"coder": coder, "missed": missed, "predicted": predicted, "codes": codes, "share": codes / 8.5}
        for coder, (missed, predicted, codes) in product(["real", "synthetic"], pairs)
    ]
    return pd.DataFrame(rows)


def reliability():
    """Three bins per coder."""
    rows = [
        {"coder": coder, "probability": p, "share_true": p**2, "decisions": 50}
        for coder, p in product(["real", "synthetic"], [0.05, 0.45, 0.95])
    ]
    return pd.DataFrame(rows)


def code_f1_changes():
    """One code that loses, one that does not."""
    about = {"family": "I", "training_real": 40, "training_synthetic": 38, "patients": 15, "notes": 17}
    losing = {"f1_real": 0.8, "f1_synthetic": 0.3, "difference": -0.5, "low": -0.7, "high": -0.25}
    steady = {"f1_real": 0.5, "f1_synthetic": 0.5, "difference": 0.0, "low": -0.1, "high": 0.1}
    return pd.DataFrame([{"code": "A41.9"} | about | losing, {"code": "0DTJ4ZZ"} | about | steady])


def significance(settings):
    """The same difference for every pair and metric, with a deviation where both coders have as many seeds."""
    interval = {"value": 0.5, "low": 0.45, "high": 0.525}
    test = {"first": 0.5, "second": 0.6, "difference": -0.1, "low": -0.15, "high": -0.04, "p": 0.012, "p_holm": 0.034}
    randomised = {"difference": -0.1, "p": 0.0001, "p_holm": 0.0004}
    judged = ("micro_f1", "macro_f1")
    always = {
        "randomisation": dict.fromkeys(judged, randomised),
        "mcnemar": {
            "decisions": 500, "right_by_first_only": 10, "right_by_second_only": 31,
            "p": 0.001, "p_by_patient": 0.004, "p_holm": 0.012,
        },
    }  # fmt: skip

    def pair(first, second):
        seeds = [len(settings.seeds_of(of)) for of in (first, second)]
        found = test | {"sd_over_seeds": 0.015 if seeds[0] == seeds[1] > 1 else None}
        verdict = "inconclusive" if about(seeds) == THE_SETS else "too few seeds"
        return always | {
            "about": about(seeds),
            "differences": {
                "micro": {"f1": found, "recall": found},
                "macro": {"f1": found},
                "ranking": {"map": found},
                "loss": found,
            },
            "non_inferiority": {name: {"margin": 0.05, "verdict": verdict} for name in judged},
            "seeds_to_decide": {"micro_f1": 7, "macro_f1": None},
        }

    def coder(training):
        seeds = len(settings.seeds_of(training))
        return {"seeds": seeds, "about": about([seeds]), "micro": {"f1": interval}, "macro": {"f1": interval}}

    pairs = {f"{a}_against_{b}": pair(a, b) for a, b in settings.significance.pairs}
    sizes = {"patients": 20, "notes": 30, "codes": 5, "resamples": 100, "significance_level": 0.05}
    return sizes | {"coders": {training: coder(training) for training in TRAINING_SETS}, "pairs": pairs}


def hypotheses(settings):
    """A level of the last hypothesis is nearest, which no coder was trained with."""
    noise, seeds = settings.noise, [len(settings.seeds), len(settings.noise.seeds)]

    def measure(value):
        return {"value": value, "low": value - 0.05, "high": value + 0.05}

    f1 = {"collapsed": 0, "micro_f1": 0.5, "macro_f1": 0.4}
    measures = {"frequency_area": measure(0.1), "length_area": measure(0.2), "distance": measure(0.15)}
    middle = (noise.noise_levels[0] + noise.noise_levels[-1]) // 2
    best = {
        "noise_level": middle, "noise_level_low": noise.noise_levels[0], "noise_level_high": noise.noise_levels[-1],
        "distance": 0.14, "distance_low": 0.09, "distance_high": 0.19,
    }  # fmt: skip
    changed = {"notes": 30, "notes_changed": 15, "words": 1000, "words_changed": 250}
    decided = noise.hypotheses[-1] if len(noise.hypotheses) > 1 else "undecided"
    return {
        "patients": 20,
        "notes": 30,
        "significance_level": 0.05,
        "about": about(seeds),
        "noise": {f"{h}-{level}": changed for h, level in product(noise.hypotheses, noise.noise_levels)},
        "synthetic": {"coders": seeds[0]} | f1,
        "distances": {
            h: {str(level): measures | {"coders": seeds[1]} | f1 for level in noise.noise_levels}
            for h in noise.hypotheses
        },
        "best": dict.fromkeys(noise.hypotheses, best),
        "winner": {
            "hypothesis": noise.hypotheses[-1],
            **best,
            "lead": measure(0.07) if len(noise.hypotheses) > 1 else None,
            "between_seeds": 0.1 if max(seeds) > 1 else None,
            "verdict": decided if about(seeds) == THE_SETS else "too few seeds",
        },
    }
