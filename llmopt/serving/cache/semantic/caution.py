"""The words that make the guard careful: data only.

A word too many costs a hit; one that is missing may serve a wrong answer where people write it in two ways.
"""

from __future__ import annotations

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
us it who sie ihnen ihr ihre ihren lei aids may march august polish turkey china chile guinea lima nice reading bath
cork mobile apple target gap shell visa ford dodge subway slack zoom teams notion signal discord stripe square chase
discover bolt lime bird spring flask ruby crystal swift go dart rust julia scratch access word excel outlook edge chrome
opera brave galaxy pixel surface switch unity blender sketch canvas puppet chef salt spark storm hive pig windows office
explorer basic c r act sat cat pet mac dos led can fed ram rom pin sim spa won real pound mark bill will grace hope
faith joy rose lily daisy iris violet jack frank sandy bob rob nick pat sue art gene dean earl duke grant miles hunter
mason carter cook baker smith fisher taylor walker young mercury titan catholic democratic republican liberal labour
conservative greens bush trump rice brown wood stone temple bishop cardinal giants jets bills bears bulls heat magic
thunder nets rockets cream prince pink muse rush oasis blur pulp suede doors eagles alien frozen cars up her jaws psycho
node react express meteor backbone scheme perl lent hatch buck penny orange jaguar amazon oracle delta sprint fox puma
dove tide champagne cologne jersey pole poles swede dane finn moor buffalo phoenix lincoln orlando sun moon earth
guardian mirror economist fortune wired independent boots caterpillar mustang beetle focus escape ranger viper cobra
lotus falcon state lord god bible crown house senate congress elm lisp pascal bash maven ant make gradle celery bottle
pyramid tornado rails sinatra ember bootstrap gulp grunt yarn parcel mocha jasmine jest cypress selenium cucumber
lettuce behave pandas torch lance norm pierce angel carol eve ray mike roger chuck amber pearl opal olive ginger basil
harmony melody jewel victoria essex kent limerick natal worms said tangier nancy tours brest split bergen essen hull
deal sandwich rugby wells ash black green white gray grey blue king queen pope major general private contact arrival
gravity inception drive memento seven speed traffic crash coco soul turning luca tangled enchanted wicked cats hair
hamilton rent dune holes educated becoming wild quiet atomic habits normal beloved bones castle heroes girls euphoria
succession billions ozark suits psych monk community scandal revenge kiss genesis yes poison journey heart train garbage
hole live bread foreigner pages numbers keynote photos messages notes maps music books health wallet fitness clips
shortcuts reminders ring nest echo bard gemini claude llama mistral copilot cursor devin lovable vertex bedrock meta
alphabet threads stories reels shorts snap telegram clubhouse medium intel sap twilio plaid brex ramp rippling gusto
toast olo chime robinhood coin block affirm upstart root lemonade navy army marines guard force dawn summer hazel ivy
heather guy victor drew wade rich dick harry peter
"""
"""Words that mean another thing with a capital, or in capitals."""
SAME_WITH_CAPITAL = """
python java javascript typescript docker kubernetes linux ubuntu github google facebook instagram youtube netflix
bitcoin ethereum english french german spanish italian japanese russian korean portuguese dutch london paris
berlin tokyo madrid germany france italy spain japan brazil canada mexico india europe european american british monday
tuesday wednesday
thursday friday saturday sunday january february april june july september october november december internet christmas
"""
"""Names that people write small as well, and that are nothing else then."""
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
