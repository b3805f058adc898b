"""What the guard takes for the same: data only.

A line or a group is here because it can be put for the other in nearly every question without another answer. What is
missing here costs a hit; what should not be here would serve a wrong answer: so whatever depends on what a text is
about stays out (`function` and `method`, `application` and `app`).
"""

from __future__ import annotations

GREETINGS = """
hi|hello|hey|hi there|hello there|hey there|good morning|good afternoon|good evening
greetings|quick question|i have a question|excuse me
hallo|guten tag|guten morgen|bonjour|bonsoir|salut|hola|buenos días|buenas tardes|ciao|buongiorno|olá|bom dia|xin chào
chào bạn|你好|您好|こんにちは|hej|cześć|merhaba|привет|здравствуйте
"""
"""Before a question, and nothing of it."""
PLEASE = """
please|pls|plz|kindly|bitte|s'il vous plaît|s'il te plaît|por favor|per favore|se faz favor|làm ơn|vui lòng|пожалуйста
alsjeblieft|lütfen|proszę|请问|請問
"""
THANKS = """
thanks|thank you|thx|thanks a lot|many thanks|thank you very much|thank you so much|thanks in advance
thank you in advance|cheers|danke|vielen dank|danke schön|merci|merci beaucoup|merci d'avance|gracias|muchas gracias
grazie|grazie mille|obrigado|obrigada|cảm ơn|cảm ơn bạn|谢谢|ありがとう|спасибо|dank je|tack|dziękuję
"""
ASK_ME = """
tell me|can you tell me|could you tell me|would you tell me|please tell me|can you please tell me
could you please tell me|i want to know|i would like to know|i'd like to know|i need to know|i wonder|i was wondering
i am wondering|i'm wondering|may i ask|does anyone know|can anyone tell me|can somebody tell me|can someone tell me
do you happen to know|any idea
"""
"""Before a question word they ask what comes next."""
DO_YOU_KNOW = """
do you know|peux-tu me dire|pouvez-vous me dire|tu peux me dire|dis-moi|puedes decirme|podrías decirme|me puedes decir
dime|puoi dirmi|mi puoi dire|dimmi|você pode me dizer|pode me dizer|me diga|kannst du mir sagen|können sie mir sagen
sag mir|bạn có thể cho tôi biết|hãy cho tôi biết|cho tôi biết|подскажите|скажите
"""
"""The same, but not before `how`: `do you know how to swim` asks for no way."""
TEACH_ME = "show me|teach me|can you show me|could you show me|can you teach me|can you explain to me|tell me"
"""The same, before `how to`."""
COULD_YOU = """
could you|can you please|could you please|would you please|please can you|please could you|i need you to
i want you to|i would like you to|i'd like you to
"""
"""Before one of `REQUESTS` they say no more than that verb does."""
REQUESTS = """
explain describe summarize summarise outline list show give tell help recommend suggest compare provide write create
generate draft name calculate compute solve convert teach translate define spell rewrite paraphrase rephrase proofread
"""
CAN_YOU = "can you|can u"
"""The same before one of `ASKED`; before another verb they may ask what one is able to do."""
ASKED = "explain recommend suggest"
ASKED_FOR_ME = "tell give show teach help"
"""The same, with a `me` behind it: `can you give blood` asks for none."""
HOW_TO = """
how do i|how can i|how to
what is the way to|is there a way to|is there any way to|what are the steps to
"""
"""Ways to ask for a way; each becomes `how-to`."""
HOW_DO_YOU = "how do you|how can you"
"""The same before one of `DOING`: before another verb they may ask for what somebody else does."""
DOING = """
cook boil bake fry grill roast tie untie wash fold knit plant peel sharpen unclog paint sew prune fix repair clean
install uninstall calculate compute convert merge sort multiply divide subtract graph center align freeze thaw
screenshot whisk poach
"""
PERSONS = "i me my mine we us our ours you your yours yourself"
"""With one of these behind it, `how do you` means whoever is asked."""
MADE = """
pancakes pancake bread tea coffee pasta pizza soup cake cakes rice cheese butter beer wine soap candles slime jam pie
sauce omelette omelet ice yogurt hummus salsa guacamole salad sushi toast smoothie smoothies lemonade waffles cookies
brownies dough kimchi sourdough mayonnaise popcorn porridge granola tofu ramen caramel icing frosting stock broth
"""
"""Behind `how do you make` they ask for a recipe; before another word it may ask what somebody else does."""
STATIVE = """
look sound feel seem smell taste compare rank score relate do stand differ appear fare react respond behave work sleep
die live age be have see hear breathe digest think sense need want like love hate own owe belong contribute affect
influence fit matter come go know
"""
"""After `how do I` they ask what is, not for a way."""
QUESTION_STARTS = """
how-to how what who whom whose where when why which is are was were am do does did can could will would should shall may
might has have had wie was wer wo wann warum weshalb welche welcher welches ist sind kann comment quoi qui où quand
pourquoi quel quelle quels quelles est combien qué quién quiénes dónde cuándo cuál cuáles cuánto cuánta cuántos cómo
cosa chi dove quando perché quale quanto quem onde qual làm sao cách tại
hoe wat waar wie wanneer waarom welke hur vad var när varför vem jak co gdzie kiedy dlaczego kto ile
как что где когда почему зачем кто куда откуда сколько какой какая какое какие чей
"""
"""A text that begins with one is a question without its mark, too."""
QUESTION_WORDS = "what who whom whose where when why which how whether"
SAME_PHRASES = """
united states of america|united states|usa = usa
the benefits of|the advantages of|the pros of = the advantages of
united kingdom|uk = uk
artificial intelligence|ai = ai
pros and cons|advantages and disadvantages = pros and cons
log in|login|log on|sign in|sign-in|log-in = log in
log out|logout|log off|sign out|sign-out|log-out = log out
how does one|how can one = how can i
sign up|signup|sign-up = sign up
set up|setup|set-up = set up
e-mail|email = email
web site|website|web-site = website
wi-fi|wifi|wi fi = wifi
no one|nobody|no-one = nobody
cell phone|cellphone|mobile phone|cellular phone|cell-phone = mobile phone
real time|real-time|realtime = real time
step by step|step-by-step = step by step
per cent|percent = percent
the best way to|best way to = the best way to
eliminate|get rid of = eliminate
get in touch with|contact = contact
scared of|afraid of = afraid of
how big|how large = how big
first|1st = first
second|2nd = second
third|3rd = third
fourth|4th = fourth
fifth|5th = fifth
sixth|6th = sixth
seventh|7th = seventh
eighth|8th = eighth
ninth|9th = ninth
tenth|10th = tenth
comment puis-je|comment je peux|comment peut-on|comment on peut|comment pourrais-je = comment puis-je
cómo puedo|cómo podría|cómo se puede|como puedo = cómo puedo
come posso|come si può|come potrei = come posso
como posso|como eu posso|como faço para|como eu faço para|como é que posso = como posso
làm thế nào để|làm sao để|làm cách nào để|cách nào để = làm sao để
"""
"""Phrases, and what each becomes."""
SAME_STARTS = """
what's = what is
who's = who is
where's = where is
when's = when is
how's = how is
what are the differences between = what is the difference between
i would like to|i'd like to = i want to
write me a = write a
write me an = write an
draft an email|compose an email|write an email = write an email
where do i find|where can i find|where to find = where can i find
where do i buy|where can i buy|where to buy = where can i buy
where do i download|where can i download|where to download = where can i download
who is the author of|who was the author of|who wrote = who wrote
who is the painter of|who was the painter of|who painted = who painted
who is the inventor of|who was the inventor of|who invented = who invented
in which year|in what year|which year|what year = what year
how do i start|how do i begin|how do i commence = how do i start
how can i start|how can i begin|how to start|how to begin = how do i start
am i able to|is it possible for me to = can i
tell me the difference between|give me the difference between = what is the difference between
tell me the capital of|give me the capital of = what is the capital of
tell me the definition of|give me the definition of = what is the definition of
tell me the meaning of|give me the meaning of = what is the meaning of
tell me the name of|give me the name of = what is the name of
tell me the price of|give me the price of = what is the price of
tell me the population of|give me the population of = what is the population of
tell me the date of|give me the date of = what is the date of
tell me the time in|give me the time in = what is the time in
tell me the weather in|give me the weather in = what is the weather in
tell me the history of|give me the history of = what is the history of
tell me your|give me your = what is your
"""
"""Beginnings, and what each becomes, in texts that are taken literally as well."""
SAME_WORDS = """
buy purchase
repair mend
biggest largest
bigger larger
photo photograph
photos photographs
children kids
tv television
lawyer attorney
car automobile
cars automobiles
airplane aeroplane
quickly rapidly
drawbacks disadvantages downsides
boost increase
everyone everybody
someone somebody
anyone anybody
maybe perhaps
nearly almost
often frequently
amongst among
whilst while
towards toward
couch sofa
tire tyre
tires tyres
okay ok
use utilize utilise
assist help
color colour
colors colours
favorite favourite
flavor flavour
neighbor neighbour
neighbors neighbours
behavior behaviour
center centre
centers centres
meter metre
meters metres
liter litre
liters litres
theater theatre
gray grey
organize organise
realize realise
recognize recognise
optimize optimise
analyze analyse
summarize summarise
customize customise
minimize minimise
maximize maximise
apologize apologise
canceled cancelled
canceling cancelling
traveling travelling
traveler traveller
jewelry jewellery
pajamas pyjamas
mold mould
plow plough
fulfill fulfil
license licence
defense defence
catalog catalogue
dialog dialogue
aluminum aluminium
"""
"""Words of one meaning, a group a line; the first stands for all."""
CONTRACTIONS = """
what're=what are
what's=what is|who's=who is|where's=where is|when's=when is|why's=why is|how's=how is|it's=it is|that's=that is
there's=there is|here's=here is|he's=he is|she's=she is|i'm=i am|you're=you are|we're=we are|they're=they are
isn't=is not|aren't=are not|wasn't=was not|weren't=were not|don't=do not|doesn't=does not|didn't=did not
dont=do not|doesnt=does not|didnt=did not|isnt=is not|arent=are not|wasnt=was not|won't=will not|wouldn't=would not
shouldn't=should not|couldn't=could not|can't=can not|cannot=can not|cant=can not|mustn't=must not|haven't=have not
hasn't=has not|hadn't=had not|i've=i have|you've=you have|we've=we have|they've=they have|i'll=i will|you'll=you will
he'll=he will|she'll=she will|it'll=it will|we'll=we will|they'll=they will|whats=what is|hows=how is
"""
MISSPELLED = """
recieve=receive|recieved=received|seperate=separate|definately=definitely|occured=occurred|teh=the|adress=address
accomodate=accommodate|wich=which|becuase=because|begining=beginning|beleive=believe|calender=calendar|untill=until
goverment=government|enviroment=environment|neccessary=necessary|tommorow=tomorrow|tommorrow=tomorrow|wierd=weird
succesful=successful|successfull=successful|restaraunt=restaurant|shedule=schedule|febuary=february
definiton=definition|langauge=language|pyhton=python|databse=database|funciton=function|passwrod=password
explian=explain|differnce=difference|acount=account|waht=what
"""
"""Slips that are no words; what could be another word is not here."""
DIGITS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen
"""
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
UNITS = """
kilometer kilometers kilometre kilometres kms km
kilogram kilograms kilogramme kilogrammes kgs kg
centimeter centimeters centimetre centimetres cm
millimeter millimeters millimetre millimetres mm
mile miles
hour hours hr hrs
minute minutes mins
second seconds secs
day days
week weeks
month months
year years
percent %
"""
"""After a number, a group a line."""
