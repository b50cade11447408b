"""The bad inputs that the issues name, by the part of the pipeline that meets them, and the tests that try them.

A test is named by its file and function; a second string picks, of its parameters, those whose id contains it. What is
no error, but counted or worked off, says so in a third.
"""

# ruff: noqa: E501
CORPUS, GENERATION, CODING = "tests/unit/corpus/test_", "tests/unit/generation/test_", "tests/unit/coding/test_"
ERRORS, PRIVACY, STUDY = "tests/unit/errors/test_", "tests/unit/privacy/test_", "tests/unit/questionnaire/test_"
REPORT, UNIT, GUARD = "tests/unit/report/test_", "tests/unit/test_", "tests/unit/guard/test_"

CASES = {
    "Every stage": {
        "a missing or misnamed file in data/": (CORPUS + "bad_sepr.py::test_an_absent_file",),
        "a missing column": (CORPUS + "bad_sepr.py::test_a_file_of_notes_of_another_shape", "target is missing"),
        "an empty file": (UNIT + "files.py::test_missing_and_empty_files_are_told",),
        "a parameter of the wrong type": (UNIT + "params.py::test_a_wrong_value_is_named", "change1-"),
        "a parameter out of range": (UNIT + "params.py::test_a_wrong_value_is_named", "change0-"),
        "an unknown parameter": (UNIT + "params.py::test_a_wrong_value_is_named", "change3-"),
        "params.yaml that is no YAML": (UNIT + "params.py::test_broken_yaml_is_told",),
        "a full disk": (UNIT + "work.py::test_whatever_writes_a_full_disk_is_one_clear_error",),
        "any bytes in any file": (GUARD + "parsers.py::test_any_bytes_give", "parameters, YAML", "see test_parsers.py"),
    },
    "Corpora": {
        "a truncated gzip file": (CORPUS + "bad_sources.py::test_a_gzip_file_cut_off_anywhere_is_refused",),
        "a truncated feather file": (CORPUS + "bad_sepr.py::test_a_truncated_file_of_notes",),
        "the wrong delimiter": (CORPUS + "bad_sources.py::test_damaged_files_are_named", "discharge-,-;"),
        "a missing column": (CORPUS + "bad_sources.py::test_damaged_files_are_named", "note_seq is missing"),
        "a column of the wrong type": (CORPUS + "bad_sepr.py::test_a_file_of_notes_of_another_shape", "must be text"),
        "ids that are not integers": (CORPUS + "bad_sources.py::test_damaged_files_are_named", "must be an integer"),
        "bytes that are not UTF-8": (CORPUS + "bad_sources.py::test_damaged_files_are_named", "not UTF-8"),
        "a note of 5 MB": (CORPUS + "bad_sources.py::test_a_note_of_five_megabytes", "", "read as any other"),
        "a note of white space": (CORPUS + "bad_sources.py::test_a_note_with_nothing_left", "", "counted and left out"),
        "codes with dots, in lower case, with spaces": (CORPUS + "bad_sources.py::test_codes_in_any", "", "one code"),
        "no column of ICD versions": (CORPUS + "bad_sources.py::test_damaged_files", "icd_version is missing"),
        "an admission without a patient": (CORPUS + "bad_sources.py::test_what_is_dropped_is_counted", "", "counted"),
        "a split file with repeated ids": (CORPUS + "bad_sepr.py::test_a_split_file_with_repeated", "", "counted"),
        "a split file of another corpus": (CORPUS + "bad_sepr.py::test_a_split_file_that_does_not_fit", "none of the"),
        "a file other than its checksum says": (CORPUS + "bad_sources.py::test_a_file_that_is_not_the_one",),
        "two releases at once": (CORPUS + "releases.py::test_two_releases_are_refused",),
        "a compressed file that expands without end": (GUARD + "limits.py::test_a_gzip_bomb_is_refused",),
    },
    "Generation": {
        "no folder of a model": (GENERATION + "generators.py::test_a_missing_folder_is_named",),
        "no causal language model": (GENERATION + "generators.py::test_an_encoder_is_no_generator",),
        "a model without tokenizer": (GENERATION + "generators.py::test_a_generator_without_tokenizer_is_refused",),
        "a model without pad token": (GENERATION + "generators.py::test_a_whole_generator_passes", "", "its end token pads"),
        "pickled weights": (GENERATION + "generators.py::test_pickled_weights_are_refused",),
        "a model with code of its own": (GUARD + "limits.py::test_code_that_comes_with_a_model_is_not_run",),
        "an empty training set": (GENERATION + "generation_stages.py::test_an_empty_training_set_is_named",),
        "a record with an empty output": (GENERATION + "records.py::test_broken_lines", "the output is empty"),
        "a prompt longer than the model": (GENERATION + "sampling.py::test_values_that_cannot", "no prompt is shorter"),
        "a full disk in mid-shard": (GENERATION + "shards.py::test_a_full_disk_is_one_clear_error",),
        "a corrupt shard": (GENERATION + "shards.py::test_a_damaged_shard", "", "sampled again, with a warning"),
        "no samples asked for": (UNIT + "launching.py::test_sampling_values_that_cannot", "samples"),
        "lengths that cannot work together": (UNIT + "launching.py::test_sampling_values", "max_new_tokens"),
        "more GPUs than present": (GENERATION + "sampling.py::test_values_that_cannot", "GPUs are needed"),
    },
    "Coding": {
        "a code in E that training never saw": (CODING + "coding_stage.py::test_the_stage_reports_groups", "", "judged, in a group of its own"),
        "a training set with one note": (CODING + "coder.py::test_too_few_notes_are_refused",),
        "a note without tokens": (CODING + "coding_data.py::test_a_note_without_tokens", "", "stands as one padding token"),
        "a note longer than the limit": (CODING + "coding_data.py::test_a_note_longer_than", "", "cut and counted"),
        "weights of another code set": (CODING + "existing_coder.py::test_a_coder_of_another_code_set_is_refused",),
        "a loss that is not a number": (CODING + "coder_training.py::test_a_loss_that_is_not_a_number",),
    },
    "Errors": {
        "predictions of another code set": (ERRORS + "error_decisions.py::test_predictions_that_do_not", "code set"),
        "an id that E does not have": (ERRORS + "error_decisions.py::test_predictions_that_do_not", "E does not have"),
        "a threshold outside [0, 1]": (ERRORS + "error_decisions.py::test_predictions_that_do_not", "threshold"),
        "a bin without values": (ERRORS + "calibration.py::test_the_curve_leaves_empty_bins_out", "", "left out"),
        "a code without a chapter": (ERRORS + "error_families.py::test_codes_without_a_chapter", "", "counted as unknown"),
    },
    "Privacy": {
        "an empty corpus, notes shorter than n": (PRIVACY + "privacy_limits.py::test_empty", "", "nothing is shared"),
        "null bytes": (PRIVACY + "privacy_limits.py::test_null_bytes", "", "read as what they are"),
        "a note of 200,000 words": (PRIVACY + "privacy_limits.py::test_a_note_of_200_000_words", "", "read as any other"),
        "duplicate notes": (PRIVACY + "privacy_limits.py::test_of_duplicate_notes", "", "the first is the neighbour"),
        "what is not text": (PRIVACY + "privacy_limits.py::test_what_is_not_text_is_refused",),
        "a memory budget too small for one block": (PRIVACY + "privacy_limits.py::test_a_budget_too_small",),
        "a damaged checkpoint": (PRIVACY + "privacy_limits.py::test_a_damaged_checkpoint", "", "the search starts anew"),
    },
    "Questionnaire": {
        "XML with an external entity": (STUDY + "survey.py::test_dangerous_and_broken", "SYSTEM"),
        "an entity bomb": (STUDY + "survey.py::test_a_bomb_in_the_pages",),
        "a rating of 0": (STUDY + "answers.py::test_wrong_answers_are_refused", "R001_01-0"),
        "a rating of 6": (STUDY + "answers.py::test_wrong_answers_are_refused", "R001_01-6"),
        "a rating of 3.5": (STUDY + "answers.py::test_wrong_answers_are_refused", "3.5"),
        "a rating in words": (STUDY + "answers.py::test_wrong_answers_are_refused", "good"),
        "a rater twice": (STUDY + "answers.py::test_a_person_who_took_part_twice_is_refused",),
        "half of a pair": (STUDY + "answers.py::test_a_missing_half_of_a_pair", "", "counted and left out"),
        "another version's export": (STUDY + "answers.py::test_wrong_answers_are_refused", "QUESTNNR"),
        "an empty export": (STUDY + "answers.py::test_files_that_are_no_export", "an empty file"),
        "a key that does not fit": (STUDY + "answers.py::test_a_key_that_does_not_fit",),
    },
    "Report": {
        "a missing result": (REPORT + "report_stage.py::test_a_missing_result_fails_and_leaves_nothing",),
        "a result of an older form": (REPORT + "report_stage.py::test_a_result_of_an_older_form_names",),
        "a result that is null": (REPORT + "report_numbers.py::test_formats", "[none-", "printed as a dash"),
        "a figure without its table": (GUARD + "limits.py::test_a_figure_without_its_table_is_named",),
        "a template's unknown name": (REPORT + "report_render.py::test_faulty_templates_are_the_users_errors",),
    },
    "Trust": {
        "a note pasted into params.yaml": (GUARD + "guard.py::test_attempts_that_are_caught", "params.yaml", "refused"),
        "a note in a message, or under a commit": (GUARD + "guard.py::test_the_hooks_refuse", "", "refused"),
        "a patient file among the results": (GUARD + "guard.py::test_a_patient_file_among", "", "refused"),
        "a link out of build/": (GUARD + "guard.py::test_a_link_out_of_build", "", "refused"),
        "own data without a place for the cache": (GUARD + "guard.py::TestCache::test_is_asked_for",),
        "a stale report in an archive": (GUARD + "publishing.py::test_what_is_stale_or_not_committed_is_not_archived",),
    },
}  # fmt: skip
