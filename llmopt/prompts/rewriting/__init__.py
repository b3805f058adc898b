"""What the rules for prose share: tables of phrases, sentences, which of them instruct, and clean cuts."""
