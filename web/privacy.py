"""What is kept of a visitor, for how long, and how to have it removed: a short text.

Filled in from the settings, so that it says what this studio does.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from web.api import PREFIX
from worker import ceilings
from worker.settings import settings

Language = Literal["en", "ko"]

router = APIRouter(prefix=PREFIX, tags=["gallery"])

_FOR_DAYS = {
    "en": "Everything of a job is deleted {days:g} days after it ended, without another word: "
    "photo, style pictures, result and settings. Favourite, published and shared pictures are no "
    "exception; each picture says until when it is kept. Download what you want to keep.",
    "ko": "작업이 끝나고 {days:g}일이 지나면 사진, 스타일 그림, 결과와 설정까지 모두 따로 "
    "알리지 않고 삭제합니다. 즐겨찾기, 공개, 공유한 그림도 예외가 아니며, 그림마다 보관 기한이 "
    "적혀 있습니다. 간직할 그림은 내려받아 두세요.",
}
_FOR_EVER = {
    "en": "This studio deletes nothing by itself: what is kept stays until you delete it.",
    "ko": "이 스튜디오는 스스로 삭제하지 않습니다. 그림과 설정은 직접 삭제할 때까지 남아 있습니다.",
}
_FULL = {
    "en": " Only when there is no room left do the oldest go earlier; favourite, published and "
    "shared pictures stay then.",
    "ko": " 공간이 부족할 때만 오래된 그림부터 더 일찍 삭제하며, 이때 즐겨찾기, 공개, 공유한 "
    "그림은 남깁니다.",
}
_TEXT = {
    "en": (
        "Kept: the pictures you send, with camera and place data removed, the results, your "
        "settings, titles and tags, and a cookie with a random number by which you find your "
        "pictures again. A picture in a form that was never sent is deleted after {hours:g} hours. "
        "No name and no tracking. Your network address is used, scrambled, to count what comes "
        "from it: for a day at most, and with a job only until that has ended.",
        "{kept}",
        "Private: your pictures are yours alone until you publish or share one. Then the result, "
        "its title, tags and settings can be seen, but never your photo, your style pictures or "
        "who you are. A share link shows one picture to whoever has it, until you take it back.",
        "Removed: delete pictures in your gallery; their rows and files go at once. DELETE "
        "/api/v1/me deletes everything of yours, and the cookie. If you lose "
        "the cookie nobody can tell which pictures are yours: ask the keeper of this studio and "
        "send the picture or its link.",
        "Public pictures: publish only what you may show, and nobody who has not agreed. Report "
        "what should not be there. {reports} different visitors' reports take a picture down at "
        "once, its share link included, and the keeper looks at every report. A report keeps its "
        "reason and your cookie's number for as long as the picture is kept.",
    ),
    "ko": (
        "보관하는 것: 보내 주신 그림(촬영 정보와 위치 정보는 지웁니다), 결과, 설정, 제목과 "
        "태그, 그리고 내 그림을 다시 찾기 위한 임의의 번호가 담긴 쿠키. 양식에 넣고 보내지 않은 "
        "그림은 {hours:g}시간 뒤에 삭제합니다. 이름도 추적도 없습니다. 네트워크 주소는 알아볼 수 "
        "없게 바꾸어 이용량을 세는 데에만 쓰며, 길어야 하루, 작업에는 끝날 때까지만 남습니다.",
        "{kept}",
        "비공개: 공개하거나 공유하기 전까지 그림은 나만 볼 수 있습니다. 공개하면 결과와 제목, "
        "태그, 설정이 보이지만 원본 사진, 스타일 그림, 누구인지는 절대 보이지 않습니다. 공유 "
        "링크는 거둬들일 때까지 링크를 가진 사람에게 그림 하나를 보여 줍니다.",
        "삭제: 갤러리에서 그림을 삭제하면 기록과 파일이 바로 지워집니다. DELETE /api/v1/me는 내 "
        "모든 것과 쿠키를 삭제합니다. 쿠키를 잃으면 어떤 "
        "그림이 누구의 것인지 아무도 알 수 없으니, 그림이나 링크를 스튜디오 관리자에게 보내 "
        "주세요.",
        "공개 그림: 보여도 되는 것만, 동의한 사람만 공개하세요. 있어서는 안 될 그림은 신고해 "
        "주세요. 서로 다른 방문자 {reports}명이 신고하면 공유 링크까지 바로 내려가며, 관리자가 "
        "모든 신고를 살펴봅니다. 신고에는 사유와 쿠키 번호가 그림이 보관되는 동안 남습니다.",
    ),
}


class Privacy(BaseModel):
    """The text, a paragraph each."""

    language: Language
    paragraphs: list[str]


def text(language: Language = "en") -> list[str]:
    """Return the text's paragraphs in a language."""
    days = settings().retention_days
    kept = (_FOR_DAYS if days else _FOR_EVER)[language].format(days=days)
    if any(ceilings.of("visitor_bytes", "total_bytes")):
        kept += _FULL[language]
    reports = settings().reports_to_hide
    return [
        part.format(kept=kept, reports=reports, hours=settings().uploads_hours)
        for part in _TEXT[language]
    ]


@router.get("/privacy")
def privacy(language: Annotated[Language, Query()] = "en") -> Privacy:
    """Tell what is kept, for how long, and how to have it removed."""
    return Privacy(language=language, paragraphs=text(language))
