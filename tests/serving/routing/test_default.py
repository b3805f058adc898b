"""The shipped policy on prompts in fourteen languages, traps of words within words among them; it was tuned on them."""

from __future__ import annotations

import pytest

from llmopt.serving.routing import Router

CHEAP = """
What's the capital of Mongolia?
Define photosynthesis
translate 'good morning' into Italian
Summarize this paragraph: The cat sat on the mat.
Who wrote Moby Dick?
When did World War II end?
How many legs does a spider have?
What is 17 times 3?
Is Pluto a planet?
What does RSVP mean?
Give me a synonym for happy
spell accommodate
List the planets of the solar system
Hi there!
Thanks, that helped
what time zone is Berlin in?
WHAT IS DNA?
What's a noun?
Convert 5 miles to km
Name three primary colours
In which year was Einstein born?
Which country has the largest population?
Correct the grammar: he go to school
Translate to German: Where is the station?
Who is the president of France?
How do you say thank you in Japanese?
What are vitamins?
What was the Marshall Plan?
tell me the definition of entropy
How old is the universe?
Where is Timbuktu?
Was ist ein Monad?
Übersetze ins Englische: Guten Tag
Qu'est-ce que la photosynthèse ?
¿Qué es un monad?
¿Cuál es la capital de Perú?
Quelle est la capitale du Pérou ?
Wie heißt die Hauptstadt von Peru?
什么是光合作用?
光合作用とは何ですか?
Что такое фотосинтез?
Cos'è la fotosintesi?
O que é fotossíntese?
광합성이란 무엇인가요?
ما هو التمثيل الضوئي؟
Wat is fotosynthese?
Co to jest fotosynteza?
प्रकाश संश्लेषण क्या है?
What is a codec?
What is decode in French?
What is a planet?
What is a whyte notice?
What is a redesign?
Who was the architectural historian Banham?
What is a comparator?
What is a designer?
What is an encoder?
What is Sqlite?
What is a planetary nebula?
What is a reasonable price for eggs?
What is Debugger's Day?
What is a proofreader?
What is history?
What is an analyst?
What is Reading, Berkshire?
What is the boiling point of water in Kelvin?
List all US presidents since 1980
Summarize this article: Cats like fish. Dogs like bones.
Summarize the following story in one sentence: A man went home.
Translate: Why are you late?
translate 'plan' into Spanish
Who discovered penicillin?
Is water wet?
What's the weather like in Paris usually in May?
Correct the grammar in: she don't know
Rephrase: I am tired
Extract the dates from: born 3 May 1990, died 4 June 2000
Classify the sentiment: I love it
hello
Convert 100 USD to EUR
What is 15% of 80?
how tall is mount everest
who won the 2018 world cup
Was bedeutet Fernweh?
Fasse diesen Satz zusammen: Es regnet.
Qui a écrit Les Misérables ?
Traduis en anglais : bonjour
¿Cuántos habitantes tiene España?
法国的首都是什么?
この文章を要約してください
Переведи на английский: привет
Сколько планет в солнечной системе?
what is love
define: ennui
Define the term "burndown chart"
What are the side effects of ibuprofen?
Spell necessary
Name the capital of Norway
What's up?
What is explained in chapter 3?
What is decoding?
What is a whyphon?
What is comparative religion?
What is a subscription?
What is a prescription?
What is javanese?
What is drafty?
Where are the versatile actors from?
""".strip().splitlines()
STRONG = """
Analyze the causes of the French Revolution
Compare Rust and Go for network services
Explain why the sky is blue
Write a Python function that merges two sorted lists
Design a database schema for a hotel
Why does my code throw a segfault?
Prove that sqrt(2) is irrational
Evaluate the pros and cons of nuclear power
What is the best strategy for entering the Japanese market?
What are the trade-offs between SQL and NoSQL?
Critique the argument in this essay
Refactor this class to use dependency injection
Debug this stack trace
Develop a go-to-market plan for a B2B startup
Write a short story about a lighthouse keeper
What is wrong with this: def f(x): return x++
Solve the integral of x^2 e^x
Explain how TCP congestion control works in detail
What is the difference between a process and a thread, and when would you use each?
Implement quicksort in C
Create a regex for emails
Plan a three week trip through Japan
Optimize this query
Draft a contract for a freelance designer
Assess the risks of this merger
Step by step, how would you build a compiler?
Write a SQL query to list all customers
What is the time complexity of this algorithm?
Interpret these lab results
Diagnose why the build fails
Analysiere die Ursachen der Revolution
Vergleiche Rust und Go
Warum ist der Himmel blau?
Schreibe eine Python-Funktion, die sortiert
Analysez les causes de la Révolution
Pourquoi le ciel est-il bleu ?
¿Por qué el cielo es azul?
Compara Rust con Go
分析法国大革命的原因
なぜ空は青いのですか?
Почему небо голубое?
Проанализируй причины революции
Confronta Rust e Go
Por que o céu é azul?
왜 하늘은 파란가요?
Résous cette équation et démontre le résultat
写一个排序函数
The variable is undefined here, please fix
I feel listless and enlisted yesterday, help
My unlisted surname was misspelled somehow, fix the deed
Shellist and translated poems
Why?
How do I reverse a linked list in Java?
My list comprehension in python fails
Improve my resume for a data science job
What is the best database for time series?
Translate this Python code to Rust: print(1)
What is wrong?
What is my function doing wrong?
Are these two proofs equivalent and can you argue which is more elegant?
Should we migrate our monolith to microservices?
How should we price our product?
What are the implications of Brexit for fintech?
Fix it: undefined is not a function
Find the bug in this program
Model the demand for umbrellas with a regression
Convert this recursive solution into an iterative one
Was ist der Unterschied zwischen TCP und UDP?
Entwirf eine Datenbank für ein Hotel
Schreib mir ein Gedicht
Explique la relativité en détail
Explica la teoría de cuerdas paso a paso
Diseña una API para un banco
写一首关于春天的诗
Напиши функцию сортировки
What is a monad and how does it compare to a functor, with code?
Prove Fermat's little theorem
What is the proof of Fermat's little theorem?
Investigate why revenue dropped in Q3
Explain recursion
Explain why
""".strip().splitlines()
ROUTER = Router()


@pytest.mark.parametrize("question", CHEAP)
def test_a_simple_question_is_cheap(question: str) -> None:
    assert ROUTER.decide({"messages": [{"role": "user", "content": question}]}).route == "cheap"


@pytest.mark.parametrize("question", [*STRONG, "What is inflation?\n" + "lorem ipsum " * 800])
def test_a_hard_one_is_strong(question: str) -> None:
    assert ROUTER.decide({"messages": [{"role": "user", "content": question}]}).route == "strong"
