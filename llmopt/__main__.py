"""`python -m llmopt`: the same as the `llmopt` command."""

from llmopt.cli.main import main

if __name__ == "__main__":
    main()
