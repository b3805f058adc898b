"""Every field of the requests that OpenAI and vLLM take, each with two values that mean two things.

Sources: `openai/types/**/*_params.py` of the openai package (chat, completions, responses, embeddings, moderations);
vLLM's `protocol.py` of its OpenAI server (chat, completions, embeddings, responses, score, rerank, tokenize, and the
older `guided_*`) and its `SamplingParams`.
"""

from __future__ import annotations

from typing import Any

OPENAI = """
    access_programs audio background background_options best_of context_management conversation dimensions echo
    encoding_format frequency_penalty
    function_call functions image include input instructions logit_bias logprobs max_completion_tokens max_output_tokens
    max_tokens max_tool_calls messages modalities model moderation n parallel_tool_calls prediction presence_penalty
    previous_response_id prompt prompt_cache_key prompt_cache_options prompt_cache_retention reasoning
    reasoning_effort response_format safety_identifier seed service_tier stop store suffix temperature text
    tool_choice tools top_logprobs top_p truncation user verbosity web_search_options
"""
VLLM = """
    activation add_generation_prompt add_special_tokens allowed_token_ids bad_words cache_salt chat_template
    chat_template_kwargs continue_final_message detokenize documents early_stopping embed_dtype
    enable_response_messages encoding endianness
    extra_args flat_logprobs guided_choice guided_decoding_backend guided_grammar guided_json guided_json_object
    guided_regex guided_whitespace_pattern ignore_eos include_reasoning include_stop_str_in_output
    kv_transfer_params length_penalty logits_processors media_io_kwargs min_p min_tokens mm_processor_kwargs
    normalize output_kind previous_input_messages priority prompt_embeds prompt_logprobs query repetition_penalty
    request_id return_token_ids return_tokens_as_token_ids skip_special_tokens spaces_between_special_tokens
    softmax stop_token_ids structural_tag structured_outputs task text_1 text_2 thinking_token_budget tokens top_k
    top_n truncate_prompt_tokens use_activation use_beam_search vllm_xargs
"""
FIELDS = sorted({*OPENAI.split(), *VLLM.split()})
VALUES: tuple[Any, ...] = (
    None, False, True, 0, 1, -1, 2, 0.5, 1e-9, 2**53, 2**53 + 1, -(2**63), 2**64, 10**30, "", "0", "1", "null", "true",
    "1.0", "a", "A", " a", "a ", "\u00e9", "e\u0301", "\0", "\U0001f600", [], [0], ["0"], [[]], [None], [1, 2],
    [2, 1], [[1], 2], [[1, 2]], {}, {"a": 1}, {"a": "1"}, {"a": None}, {"a": [1]}, {"a": {"a": 1}}, {"b": 1}, {"": 1},
    {"a": 1, "b": 2}, {"a": 2, "b": 1}, {"stream": True}, {"metadata": 1}, {"metadata": 2}, {"timeout": 1},
    [{"stream": 1}], float("inf"), float("-inf"), float("nan"), "NaN", "Infinity", "\ud83d", "\\ud83d",
)  # fmt: skip
"""No two of them are the same to a server that reads JSON."""
