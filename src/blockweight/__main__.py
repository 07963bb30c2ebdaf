"""`python -m blockweight`: the command, where its script is not on the path."""

from blockweight.cli.main import main

if __name__ == "__main__":
    main()
