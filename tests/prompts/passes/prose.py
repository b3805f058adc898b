"""Runs one pass on a text until it changes nothing more, for the tests of the passes that rewrite prose."""

from __future__ import annotations

from collections.abc import Callable

from llmopt.prompts.context import Context
from llmopt.prompts.edits import Edit, applied
from llmopt.prompts.segments.parse import parse
from llmopt.prompts.spans import Segments
from llmopt.tokens.api import tokenizer_for

CONTEXT = Context(tokenizer_for(encoding="o200k_base"))
Rule = Callable[[Segments, Context], list[Edit]]

UNTOUCHED = (
    "It is not only fast but also cheap.",
    "Submit it no later than Friday.",
    "She chose the very same red dress.",
    "It runs as well as not running at all.",
    "Make sure not to delete the file.",
    "The actual cost is 5 dollars.",
    "Very Large Telescope data is really useful.",
    'The customer wrote: "I would like to know if you could please help me." Reply to him.',
    "Respond with 'please wait' when busy.",
    "With respect to x, the derivative is 2x.",
    "You will receive an email.",
    "You should see a prompt.",
    "Can you swim?",
    "Would you recommend this product to a friend?",
    "The number of users is 5. He has a number of his own.",
    "We may have the ability to help.",
    "In order of priority, list them.",
    "Use it in case of fire. In that case, stop.",
    "Please, please me, oh yeah.",
    "Thanks to the team, it works.",
    "Thank you for the music, the songs I'm singing.",
    "Thank you!",
    "So far, so good. Well, well, well.",
    'For the purposes of this Agreement, "Party" means a signatory hereto.',
    "The licensee shall, prior to termination, give notice hereunder.",
    "The first of all the men was due.",
    "The Majority Of One is a film. WE ACT IN ORDER TO WIN.",
    "Return `in order to` literally, or {in order to}.",
    "You need to be 18 years old to enter.",
    "If you should need help, call us.",
    'He asked, "could you please summarize this?"',
    "I would like to know the results. I want you to know the truth.",
    "Feel free to ask. Feel free not to ask.",
    "Overall Equipment Effectiveness is key.",
    "You should not always trust input.",
    "It may possibly take approximately 5 minutes, except when it is probably late.",
    "Tenants must, unless agreed otherwise, pay on time only if invoiced.",
    "She was given an explanation of it. They come to the conclusion that it works.",
    "Trong trường hợp này, dừng lại.",
    "Người có khả năng cao sẽ thắng.",
    "Không chỉ nhanh mà còn rẻ.",
    "Đừng xóa tệp.",
    "Trong khoảng thời gian này, chờ.",
)
"""What no rule for prose may change."""


def shortened(rule: Rule, text: str) -> str:
    """Return the text after as many runs of the rule as change it; each makes it shorter."""
    while edits := rule(segments := parse(text), CONTEXT):
        after = applied(segments.text, edits)
        assert len(after) < len(text), edits
        text = after
    return text
