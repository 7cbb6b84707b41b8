"""The headings of people's lists, in Japanese and English, and which field each means. Data and look-up. Pure."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

#: Field -> headings: the Japanese and English names of the template first, then others seen in company lists.
HEADINGS: Final[dict[str, tuple[str, ...]]] = {
    "name": (
        "氏名", "name", "名前", "お名前", "姓名", "full name", "resident name", "フルネーム", "従業員名",
        "社員名", "実習生名", "実習生氏名", "技能実習生氏名", "本人氏名", "在留者氏名", "worker name",
        "employee name", "staff name",
    ),
    "language": (
        "言語", "language", "母語", "第一言語", "使用言語", "lang", "first language", "native language",
        "母国語", "希望言語", "話せる言語", "連絡言語", "mother tongue", "preferred language",
    ),
    "second_language": (
        "第二言語", "second language", "第2言語", "language 2", "other language", "その他の言語", "言語2",
        "副言語",
    ),
    "phone": (
        "電話番号", "phone", "電話", "携帯番号", "携帯電話", "携帯", "phone number", "mobile", "tel",
        "携帯電話番号", "本人携帯", "本人電話番号", "連絡先電話番号", "連絡先番号", "スマホ", "スマートフォン",
        "ケータイ", "telephone", "mobile phone", "mobile number", "cell", "cell phone", "cellphone",
        "phone no", "tel no", "電話no",
    ),
    "email": (
        "メール", "email", "メールアドレス", "e-mail", "mail", "Eメール", "email address", "電子メール",
        "mail address",
    ),
    "contact": (
        "通信手段", "contact", "SNS", "messenger", "連絡手段", "contact handle", "SNS ID", "SNSアカウント",
        "LINE", "LINE ID", "facebook", "連絡アプリ",
    ),
    "employee_id": (
        "社員番号", "employee id", "従業員番号", "社員ID", "社員コード", "employee number", "staff id",
        "社員no", "従業員コード", "従業員ID", "従業員no", "職員番号", "管理番号", "employee no",
        "employee code", "staff number", "worker id",
    ),
    "employer": (
        "雇用企業", "employer", "会社名", "会社", "企業名", "受入企業", "実習実施者", "company", "受入企業名",
        "受入機関", "実習実施者名", "実習実施機関", "所属機関", "所属企業", "就業先企業", "勤務先企業",
        "雇用主", "company name", "employer name", "受け入れ企業", "受け入れ企業名", "組合員", "組合員名",
        "特定技能所属機関",
    ),
    "site": (
        "勤務先", "site", "勤務地", "事業所", "職場", "工場", "workplace", "work site", "事業所名", "工場名",
        "勤務先名", "配属先", "就業場所", "現場", "営業所", "店舗", "店舗名", "factory", "work location",
        "worksite",
    ),
    "dorm": (
        "寮", "dorm", "寮名", "宿舎", "社員寮", "dormitory", "宿舎名", "アパート名", "アパート", "宿泊施設",
        "住居", "dorm name", "housing",
    ),
    "room": (
        "部屋", "room", "部屋番号", "号室", "room number", "部屋no", "room no", "居室",
    ),
    "shift": (
        "シフト", "shift", "勤務時間", "勤務帯", "勤務形態", "勤務シフト", "working hours",
    ),
    "start_date": (
        "入社日", "start date", "雇用開始日", "入国日", "入社年月日", "雇入日", "雇入れ日", "実習開始日",
        "就業開始日", "hire date", "date of hire", "joined",
    ),
    "end_date": (
        "退職日", "end date", "雇用終了日", "契約終了日", "退職年月日", "退社日", "離職日", "実習終了日",
        "退職予定日", "帰国日", "termination date", "last day", "leaving date",
    ),
    "home_postal_code": (
        "自宅郵便番号", "home postal code", "郵便番号", "postal code", "zip", "home zip", "〒", "zip code",
        "postcode", "post code", "住所郵便番号", "寮郵便番号", "居住地郵便番号",
    ),
    "home_address": (
        "自宅住所", "home address", "住所", "address", "居住地", "現住所", "居住地住所", "寮住所", "宿舎住所",
        "自宅", "住居地", "日本の住所",
    ),
    "home_lat": (
        "自宅緯度", "home lat", "緯度", "home latitude", "lat", "latitude",
    ),
    "home_lon": (
        "自宅経度", "home lon", "経度", "home longitude", "lon", "lng", "longitude",
    ),
    "work_postal_code": (
        "勤務先郵便番号", "work postal code", "work zip", "勤務地郵便番号", "事業所郵便番号", "工場郵便番号",
        "会社郵便番号",
    ),
    "work_address": (
        "勤務先住所", "work address", "勤務地住所", "事業所住所", "事業所所在地", "勤務先所在地", "工場住所",
        "会社住所", "就業場所住所",
    ),
    "household": (
        "家庭で勤務", "works in a home", "個人宅勤務", "個人宅で勤務", "家事使用人", "住み込み", "家事支援",
        "household worker", "works in a household", "works in somebody's home", "domestic worker", "live-in",
    ),
    "work_lat": (
        "勤務先緯度", "work lat", "work latitude",
    ),
    "work_lon": (
        "勤務先経度", "work lon", "work longitude",
    ),
}  # fmt: skip
FIELDS: Final = tuple(HEADINGS)
#: Columns that together make a name. Not in the template: one column is simpler.
NAME_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "family_name": ("姓", "苗字", "名字", "family name", "last name", "surname", "氏"),
    "given_name": ("名", "given name", "first name", "given names", "forename", "ファーストネーム"),
}
#: How a name is read aloud: known, and not needed.
_READING: Final = (
    "フリガナ", "ふりがな", "カナ", "かな", "カナ氏名", "氏名カナ", "氏名フリガナ", "氏名ふりがな", "名前カナ",
    "名前フリガナ", "氏名かな", "furigana", "kana", "読み", "読み仮名", "よみがな", "ヨミガナ", "ヨミ", "セイ",
    "メイ", "せい", "めい", "姓カナ", "名カナ", "姓フリガナ", "名フリガナ", "お名前フリガナ",
)  # fmt: skip
#: Papers and other things that we never keep. Lists often have them; the clerk is told to leave them out.
_PRIVATE: Final = (
    "在留カード番号", "在留カード", "在留資格", "在留期限", "在留期間", "パスポート番号", "旅券番号",
    "パスポート", "マイナンバー", "個人番号", "生年月日", "誕生日", "年齢", "性別", "国籍", "宗教", "給与",
    "給料", "口座番号", "passport", "passport number", "residence card", "residence card number",
    "date of birth", "birthday", "dob", "age", "sex", "gender", "nationality", "religion", "my number", "visa",
    "visa status",
)  # fmt: skip
FURIGANA: Final = "furigana"
PRIVATE: Final = "private"


def heading_key(text: str, *, brackets: bool = False) -> str:
    """A heading as headings compare: without width, case, spaces, marks and (unless `brackets`) what is in brackets."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub(r"[()\[\]【】]" if brackets else r"[((\[【].*?[))\]】]", "", text)  # 氏名（必須）
    return re.sub(r"[\s_\-*※:：'’・/#.◯○●★☆]", "", text).replace("番号番号", "番号").replace("№", "no")


def _index() -> dict[str, str]:
    found = {heading_key(h): field for field, headings in HEADINGS.items() for h in (field, *headings)}
    for field, headings in NAME_PARTS.items():
        found |= {heading_key(h): field for h in (field, *headings)}
    found |= {heading_key(h): FURIGANA for h in _READING}
    return found | {heading_key(h): PRIVATE for h in _PRIVATE}


_FIELD_OF: Final = _index()


def field_of(heading: str, group: str = "") -> str:
    """The field that a heading means; "" for none. `group`: a heading merged over several columns above it.

    >>> field_of("氏名（必須）"), field_of("氏名（カナ）"), field_of("郵便番号", "勤務先"), field_of("好きな食べ物")
    ('name', 'furigana', 'work_postal_code', '')
    """
    if group:
        together = _FIELD_OF.get(heading_key(group) + heading_key(heading), "")
        if together:
            return together
    # With what stands in brackets first: 氏名（カナ） is not the name, 電話（携帯） is a phone.
    return _FIELD_OF.get(heading_key(heading, brackets=True)) or _FIELD_OF.get(heading_key(heading), "")
