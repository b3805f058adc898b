"""Words that the generators of prompts draw from: names, things and small sentences, English and Vietnamese.

All of it is made up here; nothing is copied from a data set.
"""

from __future__ import annotations

from random import Random

FIRST = (
    "Ana",
    "Bảo",
    "Carla",
    "Dmitri",
    "Elif",
    "Farid",
    "Grace",
    "Hạnh",
    "Ivo",
    "Jun",
    "Khánh",
    "Lena",
    "Minh",
    "Nora",
)
LAST = (
    "Alvarez",
    "Brandt",
    "Costa",
    "Đặng",
    "Eriksen",
    "Fofana",
    "Huỳnh",
    "Ito",
    "Kaya",
    "Lê",
    "Novak",
    "Okafor",
    "Trần",
)
CITIES = (
    "Lisbon",
    "Đà Nẵng",
    "Oslo",
    "Nairobi",
    "Lima",
    "Huế",
    "Ghent",
    "Osaka",
    "Cần Thơ",
    "Tallinn",
    "Austin",
    "Porto",
)
COMPANIES = (
    "Northwind Labs",
    "Kestrel Foods",
    "Blue Harbor",
    "Mekong Logistics",
    "Altamira",
    "Ferrous & Sons",
    "Sao Mai",
)
PRODUCTS = ("desk lamp", "rice cooker", "trail shoe", "router", "water filter", "keyboard", "bike helmet", "air fryer")
SERVICES = ("checkout", "billing", "search", "auth", "inventory", "mailer", "gateway", "scheduler", "reports", "ingest")
TOPICS = (
    "refunds",
    "shipping times",
    "data retention",
    "password rules",
    "warranty claims",
    "invoices",
    "travel costs",
)
NOUNS = ("order", "invoice", "ticket", "account", "shipment", "report", "contract", "payment", "session", "device")
ADJECTIVES = ("late", "open", "damaged", "new", "blocked", "duplicate", "urgent", "partial", "expired", "manual")
VERBS = ("check", "close", "escalate", "summarise", "translate", "classify", "archive", "verify", "list", "rewrite")
FIELDS = (
    "name",
    "review",
    "query",
    "context",
    "user_input",
    "language",
    "tone",
    "date",
    "history",
    "document",
    "schema",
)

RULES = (
    "Never reveal the customer's e-mail address.",
    "Do not promise a refund above {n} USD without approval.",
    "Answer only from the {thing} that you are given.",
    "If you are not sure, say so and ask one question.",
    "Use at most {n} sentences per answer.",
    "Always cite the {thing} number, for example [{n}].",
    "Don't mention prices of other companies.",
    "Reply in the language of the customer unless they ask otherwise.",
    "Every answer must end with the ticket number.",
    "Do not translate code, file names or product names.",
    "Escalate to a person after {n} failed attempts.",
    "Only agents of level {n} may change a {thing}.",
    "Nothing in the {thing} may be quoted verbatim without its source.",
    "Dates are written as 2024-0{d}-1{d}, times in UTC.",
    "Keep the reply under {n} words, except when the customer asks for details.",
    "You can't open attachments; ask for the text instead.",
)
RULES_VI = (
    "Không bao giờ tiết lộ email của khách hàng.",
    "Đừng hứa hoàn tiền quá {n} đồng khi chưa được duyệt.",
    "Chỉ trả lời dựa trên tài liệu được cung cấp.",
    "Mỗi câu trả lời không được dài quá {n} câu.",
    "Nếu chưa chắc chắn, hãy nói rõ và hỏi lại một câu.",
    "Luôn ghi mã phiếu ở cuối câu trả lời, ví dụ HD-{n}.",
    "Tất cả số tiền phải ghi bằng VND, trừ khi khách yêu cầu khác.",
    "Cấm dùng từ ngữ xúc phạm trong mọi trường hợp.",
    "Chuyển cho nhân viên sau {n} lần không giải quyết được.",
)
FACTS = (
    "The {adjective} {noun} was moved to {city} on {day} March {year}.",
    "{company} sells {n} models of the {product}, and none of them ships with a charger.",
    "In {year} the team in {city} handled {n} cases a week, up from {m}.",
    "A {noun} that stays {adjective} for {n} days is closed without notice.",
    "{first} {last} leads the {service} team; she cannot approve a {noun} above {m} EUR.",
    "The {product} weighs {n}.{d} kg and costs {m} USD, or {n}% less in bulk.",
    "Most customers in {city} pay by card, only {n} of {m} by bank transfer.",
    "The {service} service keeps each {noun} for {n} months, unless the law says more.",
    "Returns of the {product} are accepted within {n} days if the seal is not broken.",
    "{company} opened its office in {city} in {year} and has not moved since.",
)
FACTS_VI = (
    "{company} mở văn phòng tại {city} vào năm {year} và chưa từng chuyển đi.",
    "Mỗi đơn hàng quá {n} ngày không thanh toán sẽ bị hủy.",
    "Sản phẩm nặng {n},{d} kg, giá {m} nghìn đồng, không kèm bộ sạc.",
    "{first} {last} phụ trách nhóm {service} và chỉ duyệt đơn dưới {m} triệu đồng.",
    "Trong năm {year}, nhóm ở {city} xử lý {n} yêu cầu mỗi tuần, trừ dịp Tết.",
    "Khách hàng được đổi trả trong {n} ngày nếu tem chưa bị rách.",
)


def sentence(random: Random, templates: tuple[str, ...]) -> str:
    """Return one sentence from templates, its blanks filled."""
    return random.choice(templates).format(**blanks(random))


def sentences(random: Random, count: int, *, vietnamese: bool = False) -> str:
    """Return a paragraph of facts."""
    return " ".join(sentence(random, FACTS_VI if vietnamese else FACTS) for _ in range(count))


def blanks(random: Random) -> dict[str, object]:
    """Return something for each blank of the templates."""
    return {
        "n": random.randint(2, 99),
        "m": random.randint(100, 9_999),
        "d": random.randint(1, 8),
        "day": random.randint(1, 28),
        "year": random.randint(1987, 2025),
        "thing": random.choice(NOUNS),
        "noun": random.choice(NOUNS),
        "adjective": random.choice(ADJECTIVES),
        "city": random.choice(CITIES),
        "company": random.choice(COMPANIES),
        "product": random.choice(PRODUCTS),
        "service": random.choice(SERVICES),
        "first": random.choice(FIRST),
        "last": random.choice(LAST),
        "topic": random.choice(TOPICS),
    }
