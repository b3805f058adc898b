"""Made-up prompts: system prompts, templates with placeholders, wordy requests; English, Vietnamese, mixed."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from llmopt.prompts.evaluation import layouts
from llmopt.prompts.evaluation.words import COMPANIES, FIELDS, RULES, RULES_VI, TOPICS, sentence, sentences

_HOLES: tuple[Callable[[str], str], ...] = (
    lambda name: "{" + name + "}",
    lambda name: "{" + name + "!r}",
    lambda name: "{" + name + ":>10}",
    lambda name: "{{ " + name + " }}",
    lambda name: "{{" + name + "|trim}}",
    lambda name: "${" + name + "}",
    lambda name: "%(" + name + ")s",
    lambda _: "%s",
    lambda name: "<" + name.upper() + ">",
)
_BLANKED = (
    "Please translate {a} into {b}, and do not change {a} in any way.",
    "Compare {a} with {b}; if {a} is empty, answer with nothing but N/A.",
    "Write exactly 3 bullet points about {a} for a reader in {b}.",
    "The user {a} has asked: {b}",
    "Given {a}, list all items that are not in {b}.",
    "Hãy tóm tắt {a} thành không quá 2 câu bằng {b}.",
    "Nếu {a} không có trong {b} thì trả lời KHÔNG RÕ.",
)
_WORDY = (
    "I would like you to please {task}, if you would be so kind.",
    "It is very important that you make sure to {task} at all times.",
    "Could you please be so kind as to {task}? Thank you very much in advance!",
    "In order to be able to help our users in the best possible way, you should always try to {task}.",
    "Due to the fact that our readers are really very busy people, it is absolutely essential that you {task}.",
    "Please note that, as a matter of fact, you are expected to {task} in each and every case.",
    "What I basically want you to do here is to simply {task} for me.",
    "I was wondering whether you could possibly {task} for me, please.",
    "At this point in time, we kindly ask that you {task} with regard to the text that is shown below.",
    "You will want to make absolutely certain that you {task}, and please do take your time.",
    "For the purpose of keeping things nice and clear, please go ahead and {task}.",
    "Needless to say, it goes without saying that you have the ability to {task} very well.",
)
_TASKS = (
    "summarise the text in {n} sentences",
    "answer in the language of the question",
    "list the {n} most common complaints",
    "keep every number that is in the text",
    "not mention the names of customers",
    "give a detailed explanation of your reasoning",
    "check the spelling of all names",
    "write in a friendly and professional tone",
    "return the result as a table with {n} columns",
    "provide an analysis of the review",
)
_WORDY_VI = (
    "Xin vui lòng bạn hãy giúp tôi {task}, tôi xin chân thành cảm ơn bạn rất nhiều.",
    "Tôi rất mong muốn rằng bạn có thể giúp tôi {task} một cách thật là chi tiết.",
    "Điều quan trọng nhất cần phải lưu ý ở đây đó là bạn cần phải {task}.",
    "Bạn vui lòng làm ơn hãy tiến hành {task} giúp cho tôi nhé.",
    "Với mục đích để giúp cho người đọc dễ hiểu hơn, bạn hãy cố gắng {task}.",
    "Bởi vì lý do là người đọc rất bận rộn, bạn nhất định phải luôn luôn {task}.",
    "Như bạn đã biết thì trên thực tế, tôi muốn nhờ bạn thực hiện việc {task}.",
)
_TASKS_VI = (
    "tóm tắt văn bản trong {n} câu",
    "liệt kê {n} ý chính",
    "trả lời bằng tiếng Việt",
    "giữ nguyên tất cả các con số",
    "không nhắc đến tên khách hàng",
    "đưa ra sự giải thích cho kết quả",
    "kiểm tra lại lỗi chính tả",
)


def system(random: Random) -> str:
    """Return a system prompt as teams write them: a role, headed rules, perhaps a blank to fill."""
    if random.random() < 0.3:
        rules = "\n".join(f"{number}. {sentence(random, RULES_VI)}" for number in range(1, random.randint(3, 9)))
        role = f"Bạn là trợ lý chăm sóc khách hàng của {random.choice(COMPANIES)}."
        return f"{role}\n\n## Quy tắc\n{rules}\n\n{_blanked(random)}"
    bullet = random.choice(("-", "*", "1."))
    rules = "\n".join(f"{bullet} {sentence(random, RULES)}" for _ in range(random.randint(3, 12)))
    role = (
        f"You are the support assistant of {random.choice(COMPANIES)}. You help customers with {random.choice(TOPICS)}."
    )
    parts = [role, f"# Rules\n\n{rules}", f"# Facts\n\n{sentences(random, random.randint(1, 5))}", _blanked(random)]
    return "\n\n".join(parts)


def template(random: Random) -> str:
    """Return a template in one of the usual notations, some with loops and conditions around."""
    text = " ".join(_blanked(random) for _ in range(random.randint(1, 3)))
    field = random.choice(FIELDS)
    return random.choice(
        (
            text,
            f"{{% for item in {field} %}}\n- {{{{ item.title }}}}:   {{{{ item.text }}}}\n{{% endfor %}}\n\n{text}",
            f"{{% if {field} %}}{text}{{% else %}}No {field} was given.{{% endif %}}",
            f"{{# not shown to users #}}\n<{field}>\n{{{field}}}\n</{field}>\n\n{text}",
            f"You may read ${field} but never write ${{{field}}}.\n{text}",
            f"Use `{{{field}}}` and `--{field}={{value}}`; see https://docs.example.com/{field}?v=2#top.\n{text}",
            f'Answer with {{"{field}": "...", "ok": true}} and nothing else.\n{text}',
        )
    )


def _blanked(random: Random) -> str:
    first, second = random.sample(FIELDS, 2)
    hole = random.choice(_HOLES)
    return random.choice(_BLANKED).format(a=hole(first), b=hole(second))


def wordy(random: Random) -> str:
    """Return a request in many more words than it needs, in English."""
    return _wordy(random, _WORDY, _TASKS) + "\n\nText:\n{text}"


def wordy_vi(random: Random) -> str:
    """Return the same in Vietnamese."""
    return _wordy(random, _WORDY_VI, _TASKS_VI) + "\n\nVăn bản:\n{text}"


def _wordy(random: Random, frames: tuple[str, ...], tasks: tuple[str, ...]) -> str:
    count = random.randint(3, 6)
    chosen = zip(random.sample(frames, count), random.sample(tasks, count), strict=True)
    lines = [frame.format(task=task.format(n=random.randint(2, 9))) for frame, task in chosen]
    return random.choice((" ", "\n", "\n\n")).join(lines)


def mixed(random: Random) -> str:
    """Return a prompt of many parts: rules, data, code, a table, repeated lines, loose layout."""
    parts = [system(random)]
    makers = (layouts.table, layouts.code, layouts.pretty_json, layouts.xml, layouts.few_shot, template)
    parts += [make(random) for make in random.sample(makers, 3)]
    if random.random() < 0.5:
        parts.append(parts[0])
    parts.append(f"Trả lời bằng tiếng Việt, không quá {random.randint(50, 300)} từ.   \nDo not add anything else.  ")
    return random.choice(("\n\n", "\n\n\n\n", "\n\n---\n\n")).join(parts)
