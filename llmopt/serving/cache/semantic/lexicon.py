"""What the guard takes for the same, and the words that make it careful: data only.

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
alsjeblieft|lütfen|proszę
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
TEACH_ME = "show me|teach me|can you show me|could you show me|can you teach me|can you explain to me|tell me"
"""The same, before `how to`."""
COULD_YOU = """
could you|would you|can you please|could you please|would you please|please can you|please could you|i need you to
i want you to|i would like you to|i'd like you to
"""
"""Before one of `REQUESTS` they say no more than that verb does."""
REQUESTS = """
explain describe summarize summarise outline list show give tell help recommend suggest compare provide write create
generate draft name calculate compute solve convert teach translate define spell rewrite paraphrase rephrase proofread
"""
CAN_YOU = "can you|can u"
"""The same before one of `ASKED`; before another verb they may ask what one is able to do."""
ASKED = "explain tell give recommend suggest"
HOW_TO = """
how do i|how can i|how to|how does one|how can one
what is the way to|is there a way to|is there any way to|what are the steps to
"""
"""Ways to ask for a way; each becomes `how-to`."""
HOW_DO_YOU = "how do you|how can you"
"""The same before one of `DOING`: before another verb they may ask for what somebody else does."""
DOING = """
cook boil bake fry grill roast tie untie wash fold knit plant peel sharpen unclog paint sew prune fix repair clean
install uninstall merge sort multiply divide subtract solve graph center align freeze thaw screenshot whisk poach
"""
PERSONS = "i me my mine we us our ours you your yours yourself"
"""With one of these behind it, `how do you` means whoever is asked."""
NOT_MADE = """
money sure sense decision decisions choice choices mistake mistakes friend friends living love do use profit profits
progress plan plans time change changes up out out it
"""
"""Behind `how do you make` they ask for what somebody else does."""
STATIVE = """
look sound feel seem smell taste compare rank score relate do stand differ appear fare react respond behave work sleep
die live age be have
"""
"""After `how do I` they ask what is, not for a way."""
QUESTION_STARTS = """
how-to how what who whom whose where when why which is are was were am do does did can could will would should shall may
might has have had wie was wer wo wann warum weshalb welche welcher welches ist sind kann comment quoi qui où quand
pourquoi quel quelle quels quelles est combien qué quién quiénes dónde cuándo cuál cuáles cuánto cuánta cuántos cómo
come cosa chi dove quando perché quale quanto como quem onde qual quanto làm sao cách tại
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
the best way to|best way to|the best way of = the best way to
eliminate|get rid of = eliminate
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
write me = write
tell me the|give me the = what is the
tell me your|give me your = what is your
"""
"""Beginnings, and what each becomes, in texts that are taken literally as well."""
SAME_WORDS = """
buy purchase
begin start commence
fix repair mend
big large
biggest largest
bigger larger
photo photograph
photos photographs
children kids
mom mum mother
dad father
tv television
doctor physician
doctors physicians
lawyer attorney
car automobile
cars automobiles
airplane aeroplane
folder directory
folders directories
quick quickly fast rapidly
drawbacks disadvantages downsides
find locate
choose select
boost increase
reduce decrease
everyone everybody
someone somebody
anyone anybody
till until
maybe perhaps
nearly almost
often frequently
approximately roughly
amongst among
whilst while
towards toward
couch sofa
smart clever intelligent
sick ill
scared afraid
wealthy rich
happen occur
happens occurs
happened occurred
tire tyre
tires tyres
quit exit
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
what's=what is|who's=who is|where's=where is|when's=when is|why's=why is|how's=how is|it's=it is|that's=that is
there's=there is|here's=here is|he's=he is|she's=she is|i'm=i am|you're=you are|we're=we are|they're=they are
isn't=is not|aren't=are not|wasn't=was not|weren't=were not|don't=do not|doesn't=does not|didn't=did not
dont=do not|doesnt=does not|didnt=did not|isnt=is not|arent=are not|wasnt=was not|won't=will not|wouldn't=would not
shouldn't=should not|couldn't=could not|can't=can not|cannot=can not|cant=can not|mustn't=must not|haven't=have not
hasn't=has not|hadn't=had not|i've=i have|you've=you have|we've=we have|they've=they have|i'll=i will|you'll=you will
he'll=he will|she'll=she will|it'll=it will|we'll=we will|they'll=they will|whats=what is|hows=how is
"""
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
LITERAL = """
translate translated translating translation translations spell spelled spelling spelt pronounce pronounced
pronunciation rhyme rhymes rewrite rephrase paraphrase reword proofread correct grammar grammatical grammatically
sentence sentences word words phrase phrases letter letters syllable syllables vowel vowels character characters string
substring synonym synonyms antonym antonyms mean means meaning meanings define definition etymology say says said saying
called reply respond echo repeat uppercase lowercase capitalize reverse palindrome anagram acronym abbreviation regex
stand stands short form initials
text passage paragraph verse quote plural singular hyphen apostrophe comma tense noun verb adjective idiom slang
stand stands short form initials
difference differences versus vs differ distinguish
übersetze übersetzen übersetzung bedeutet heißt buchstabiere schreibt traduire traduis traduisez traduction signifie
épeler traduce traducir traducción significa deletrear traduci tradurre traduzione significato traduza traduzir tradução
significado dịch nghĩa từ câu chữ vertaal betekent перевод переведи значит
"""
"""Words of a question about words: there every word is taken literally."""
TWOFOLD = """
us it who aids may march august polish turkey china chile guinea lima nice reading bath cork mobile apple target gap
shell visa ford dodge subway slack zoom teams notion signal discord stripe square chase discover bolt lime bird spring
flask ruby crystal swift go dart rust julia scratch access word excel outlook edge chrome opera brave galaxy pixel
surface switch unity blender sketch canvas puppet chef salt spark storm hive pig windows office explorer basic c r act
sat cat pet mac dos led can fed ram rom pin sim spa won real pound mark bill will grace hope faith joy rose lily daisy
iris violet jack frank sandy bob rob nick pat sue art gene dean earl duke grant miles hunter mason carter cook baker
smith fisher taylor walker young mercury titan catholic democratic republican liberal labour conservative greens bush
trump rice brown wood stone temple bishop cardinal giants jets bills bears bulls heat magic thunder nets rockets cream
prince pink muse rush oasis blur pulp suede doors eagles alien frozen cars up her jaws psycho node react express meteor
backbone scheme perl lent hatch buck penny dawn summer hazel ivy heather guy victor drew wade rich dick harry peter
"""
"""Words that mean another thing with a capital, or in capitals."""
SAME_IN_CAPITALS = "ai uk tv pc eu js ok"
"""Words of two letters that mean the same in capitals."""
NEGATIONS = """
not no non never none nothing nobody nowhere neither nor without unless except excluding hardly barely rarely seldom
cannot nicht kein keine keinen keinem keiner nie niemals ohne pas ne jamais aucun aucune sans rien sin ningún ninguna
nada nunca senza mai nessun nessuno non não sem nenhum không chưa đừng chẳng niet geen zonder не нет без никогда ikke
inte aldrig nie bez değil yok avoid stop anti only
"""
DATES = """
january february march april may june july august september october november december monday tuesday wednesday thursday
friday saturday sunday today tomorrow yesterday tonight morning evening week month year quarter spring summer autumn
winter januar februar märz mai juni juli oktober dezember montag dienstag mittwoch donnerstag freitag samstag sonntag
heute morgen gestern janvier février mars avril juin juillet août septembre octobre novembre décembre lundi mardi
mercredi jeudi vendredi samedi dimanche demain hier enero febrero marzo abril mayo junio julio agosto octubre noviembre
diciembre lunes martes miércoles jueves viernes sábado domingo hoy mañana ayer last next previous this past
"""
NUMBER_WORDS = """
hundred thousand million billion trillion dozen half quarter third twice thrice double triple once first second both
single pair fourth fifth sixth tenth eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf un deux trois quatre
cinq sept huit neuf dix uno dos tres cuatro cinco seis siete ocho nueve diez due tre quattro cinque sei sette otto nove
dieci dois duas três quatro oito một hai ba bốn năm sáu bảy tám chín mười all every each any some many few several most
more less fewer least
"""
OPPOSING = "un in im ir il dis non anti de mis counter under over pre post sub super hyper hypo ex re"
"""Beginnings that turn a word around."""
