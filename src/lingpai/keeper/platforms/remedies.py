"""Remedies of refusals that several platforms share; see `PlatformType.remedies`."""

from lingpai.keeper.platforms.platform_type import Text

WRONG_SECRET = Text(
    "The secret is wrong or was reset. Copy it from the platform's console, set it with "
    "`lingpai account add`, then close the circuit breaker with `lingpai token unblock`.",
    "密钥不对或已被重置。请到平台后台取得密钥，用 `lingpai account add` 重新设置，"
    "再用 `lingpai token unblock` 解除熔断。",
)
UNKNOWN_ACCOUNT = Text(
    "The platform does not know this id; check it for typing errors: `lingpai account list`.",
    "平台不认识这个标识，请检查是否输错：`lingpai account list`。",
)
QUOTA = Text(
    "The quota is used up. Find out who else fetches tokens of this account (`lingpai token "
    "list` shows Lingpai's use). It starts again at midnight (UTC+8), or when it is reset "
    "(clear_quota), which is noticed within 40 minutes, or at once after `lingpai token "
    "unblock`.",
    "配额已用完。请查明还有谁在获取该应用的令牌（`lingpai token list` 显示我方用量）；北京时间零点重新计数；"
    "若用 clear_quota 清零，40 分钟内会自动发现，执行 `lingpai token unblock` 则立即生效。",
)
BUSY = Text("The platform is busy; it recovers by itself.", "平台繁忙，会自行恢复。")
