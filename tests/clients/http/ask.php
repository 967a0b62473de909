<?php
// A token from Lingpai with PHP's curl: php ask.php
function ask(string $path, ?array $form = null): string {
    $handle = curl_init(getenv('URL') . $path);
    curl_setopt_array($handle, [
        CURLOPT_HTTPHEADER => ['Authorization: Bearer ' . getenv('KEY')],
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 10,
    ]);
    if ($form !== null) curl_setopt($handle, CURLOPT_POSTFIELDS, http_build_query($form));
    $body = curl_exec($handle);
    if ($body === false || curl_getinfo($handle, CURLINFO_HTTP_CODE) !== 200) {
        throw new RuntimeException($body === false ? curl_error($handle) : $body);
    }
    return $body;
}

echo ask('/v1/tokens/wechat/' . getenv('APPID')), "\n"; // {"platform":…,"value":"<token>","expires_in":…,"version":…}
echo ask('/keeper/report', ['access_token' => 'a token that was refused']), "\n";
