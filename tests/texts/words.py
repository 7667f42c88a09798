"""List the words and references that texts of this repository avoid."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that cannot begin a docstring, because the first word is an imperative verb.
QUESTIONS = _words("what who whom whose where whether how which when why whoever whatever wherever")
NOT_VERBS = _words(
    "the a an this that these those it its if with without every each all any no none nothing one two only both some"
    " for from in on at by of to as and or but so not is are was has have does can may must should will be been"
    " our their his her my your we you they he she there here same such other another more most"
)
NOT_VERBS |= _words(  # nouns and adjectives with which docstrings began
    "ablation also below between client column consent day distinct else evidence failure five flat foreign four"
    " good however initial law lenient linux local longer many median neither neutral noise over postfix power"
    " preflight public random raw real role section service silence since six sixteen small spark synthetic table"
    " target three too transaction unbound vantage wall kamailio dovecot coturn nginx"
)
VERBS_IN_S = _words("focus")
HTTP_METHODS = _words("GET POST HEAD PUT")
VERBS_IN_ING = _words("bring ping ring string")
VERBS_IN_ED = _words("embed exceed feed need proceed seed shed")

# A pattern (case ignored, whole words) and what to write in its place.
BANNED = {
    r"whoever|nobody|somebody|everybody|anybody|someone|everyone|anyone": "name the resolver, server, helper",
    r"of (?:ours|theirs|yours|OONI's(?! \w))": "our …, OONI's …",
    r"(?:tell|tells|telling|told)\b(?! whether)[^.;:]{1,60}?\b(?:from|apart)": "distinguish",
    r"merely": "only",
    r"he|him|his|she|hers": "name the thing",
    r"houses?|households?|towers?|floors?|rooms?": "package, layer, space",
    r"twins?": "echo pair",
    r"die|dies|died|dying": "fails, is reset, is silent",
    r"lie|lies|lied|lying|liars?": "forged answer, false answer",
    r"punish|punishes|punished|punishing|punishments?|punishable": "residual censorship",
    r"vouch|vouches|vouched|vouching": "verify, trusted",
    r"innocent|guilty": "innocuous",
    r"harmless": "innocuous",
    r"tapes?": "recording",
    r"errands?": "request",
    r"stages?": "phase, step",
    r"talk|talks|talked|talking|speech|speeches": "dialogue, exchange",
    r"judgements?|the judge": "verdict, analysis",
    r"volunteers?": "user",
    r"oddity|oddities": "anomaly",
}

# Documents that are not in the repository, and how texts cited them.
ABSENT = {
    r"laws? \d+(?:\.\d+)?": "cite a principle, P1 to P10",
    r"(?<![\w/-])(?:design|peers|ooni)\.md": "cite docs/contract.md, an RFC or a public address",
    r"reference/(?:peers|ooni|users|libraries|field-2026|model-codebases)\b": "cite an RFC or a public address",
    r"(?:against|see) the plan|the plan (?:says|said|wants|asks|demands)": "state the reason itself",
    r"issues? #?\d{1,2}(?!\d)": "state the reason itself",
    r"design law": "cite a principle, P1 to P10",
}

ARROWS = "→←↔⇒⇐⇔"

# Parts of the names of modules, classes and functions.
BANNED_NAMES = _words(
    "whoever nobody somebody everybody anybody house tower twin twins dies died die lies lied lie liar punish punished"
    " punishes punishment punishable vouch vouches vouched vouching innocent harmless tape errand errands speeches"
    " volunteer judgement farewell wishes"
)
