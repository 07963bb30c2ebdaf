"""The studio: web pages over `workflow/`, served to one person's browser. It needs the extra `studio`."""

from blockweight.errors import BlockweightError
from blockweight.studio.door import Address

__all__ = ["Address", "open_studio"]


def open_studio(address: Address, project: str | None, renderer: str, *, open_browser: bool) -> None:
    """Serve the pages until Ctrl-C. BlockweightError if the extra is not installed, and as `serve`."""
    try:
        from blockweight.studio.serve import serve  # noqa: PLC0415 - the web server is loaded only when it is wanted
    except ImportError as error:
        raise BlockweightError(
            f"The studio needs FastAPI, Jinja2 and uvicorn ({error}); install them with: "
            "pip install 'blockweight[studio]'"
        ) from error
    serve(address, project, renderer, open_browser=open_browser)
