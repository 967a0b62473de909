"""Media: files that were uploaded, and are given back."""

from typing import Final

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from lingpai.sandbox.files import KEPT_BYTES, File
from lingpai.sandbox.handles import Handle
from lingpai.sandbox.refusals import Refusal
from lingpai.sandbox.world import Answer, Call, World

_KINDS: Final = ("image", "voice", "video", "thumb", "file")


def _file_in(call: Call) -> File:
    kind, options = parse_options_header(call.content_type)
    if kind != "multipart/form-data" or "boundary" not in options or not call.body:
        raise Refusal(41005, "media data missing")
    part: MultipartSegment | None = None
    found: File | None = None
    content = b""
    try:
        with PushMultipartParser(options["boundary"], max_segment_size=KEPT_BYTES) as parser:
            for event in parser.parse(call.body):
                if isinstance(event, MultipartSegment):
                    part = event if event.filename and found is None else None
                elif part is not None and event is not None:
                    content += event
                elif part is not None:  # its end; the parser fails when it is left before the end of the body
                    found = File(
                        content, part.content_type or "application/octet-stream", part.filename or ""
                    )
                    part = None
    except MultipartError:
        raise Refusal(41005, "media data missing") from None
    return found or File(b"", "application/octet-stream", "")


def upload(world: World, call: Call, token: Handle) -> Answer:
    """``/cgi-bin/media/upload``: keeps a file for a while, and names it.

    Raises:
        Refusal: 41005 no multipart body, 40004 a type that there is not.
    """
    kind = call.query.get("type", "image")
    if kind not in _KINDS:
        raise Refusal(40004)
    media_id = world.media.keep(token.account, _file_in(call))
    answer: Answer = {"type": kind, "media_id": media_id, "created_at": int(world.clock.now())}
    return answer if token.family != "wecom" else {"errcode": 0, "errmsg": "ok"} | answer


def download(world: World, call: Call, token: Handle) -> Answer | File:
    """``/cgi-bin/media/get``: the file of a media_id.

    Raises:
        Refusal: 40007 an id that is unknown or another account's.
    """
    file = world.media.find(token.account, call.text("media_id", 40007))
    if file is None:
        raise Refusal(40007)
    return file
