"""The few questions that an ONVIF device is asked: who it is, what it shows, and where to look at that."""

import calendar
from collections.abc import Sequence
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

import msgspec

from runtime.drivers.cameras.soap.envelope import NAMES, text_of

WHAT_TIME = "<tds:GetSystemDateAndTime/>"
WHO = "<tds:GetDeviceInformation/>"
WHERE_IS_MEDIA = "<tds:GetCapabilities><tds:Category>Media</tds:Category></tds:GetCapabilities>"
WHICH_PROFILES = "<trt:GetProfiles/>"


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """One way to look through one video source."""

    token: str
    source: str
    width: int
    height: int


def where_is_its_picture(profile: Profile) -> str:
    """The question for its snapshot."""
    token = escape(profile.token)
    return f"<trt:GetSnapshotUri><trt:ProfileToken>{token}</trt:ProfileToken></trt:GetSnapshotUri>"


def where_is_its_stream(profile: Profile) -> str:
    """The question for its stream over RTSP."""
    setup = "<tt:Stream>RTP-Unicast</tt:Stream><tt:Transport><tt:Protocol>RTSP</tt:Protocol></tt:Transport>"
    token = f"<trt:ProfileToken>{escape(profile.token)}</trt:ProfileToken>"
    return f"<trt:GetStreamUri><trt:StreamSetup>{setup}</trt:StreamSetup>{token}</trt:GetStreamUri>"


def profiles_of(answer: Element) -> Sequence[Profile]:
    """Those with a video source, in the device's order: its best first, as a rule."""
    found = []
    for each in answer.findall("trt:Profiles", NAMES):
        source = text_of(each, "tt:VideoSourceConfiguration/tt:SourceToken")
        if source and each.get("token"):
            size = "tt:VideoEncoderConfiguration/tt:Resolution/tt:"
            width, height = _number(text_of(each, f"{size}Width")), _number(text_of(each, f"{size}Height"))
            found.append(Profile(token=each.get("token", ""), source=source[:128], width=width, height=height))
    return found


def uri_of(answer: Element) -> str:
    """Of a snapshot or a stream; empty where there is none."""
    return text_of(answer, "trt:MediaUri/tt:Uri")


def media_place_of(answer: Element) -> str:
    """The URL of its media service; empty where it does not say."""
    return text_of(answer, "tds:Capabilities/tt:Media/tt:XAddr")


def identity_of(answer: Element) -> dict[str, str]:
    """Manufacturer, model and firmware, where it tells."""
    fields = {"manufacturer": "Manufacturer", "model": "Model", "firmware": "FirmwareVersion"}
    found = {name: text_of(answer, f"tds:{tag}")[:128] for name, tag in fields.items()}
    return {name: text for name, text in found.items() if text}


def time_of(answer: Element) -> float | None:
    """Its clock, in seconds since 1970 UTC; None where it does not tell."""
    place = "tds:SystemDateAndTime/tt:UTCDateTime/tt:"
    parts = ("Date/tt:Year", "Date/tt:Month", "Date/tt:Day", "Time/tt:Hour", "Time/tt:Minute", "Time/tt:Second")
    texts = [text_of(answer, f"{place}{part}") for part in parts]
    if not all(each.isdigit() and len(each) <= 4 for each in texts):
        return None
    year, month, day, hour, minute, second = map(int, texts)
    if not (year >= 1970 and 1 <= month <= 12 and 1 <= day <= 31):
        return None
    return float(calendar.timegm((year, month, day, hour, minute, second)))


def _number(text: str) -> int:
    return int(text) if text.isdigit() and len(text) < 7 else 0
