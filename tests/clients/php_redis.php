<?php
// php-redis plays the scenarios; see scenario.py for what is read and written.

[, $port, , $ca, $user, $password] = $argv;

// Returns a client that is connected. php-redis connects again by itself, but knows no user then.
function connected(): Redis {
    global $port, $ca, $user, $password;
    $client = new Redis();
    if ($ca !== '') {
        $context = ['stream' => ['cafile' => $ca]];
        $client->connect('tls://localhost', (int)$port, 10, null, 0, 0, $context);
    } else {
        $client->connect('localhost', (int)$port, 10);
    }
    if ($password !== '') {
        $client->auth($user !== '' ? [$user, $password] : $password);
    }
    $client->setOption(Redis::OPT_REPLY_LITERAL, true);
    $client->setOption(Redis::OPT_NULL_MULTIBULK_AS_NULL, true);
    return $client;
}

// false stands for nil and for an error; getLastError() tells which.
function token($value, ?string $error): string {
    if ($value === null) return 'n';
    if ($value === false) return $error === null ? 'n' : 'e' . bin2hex($error);
    if ($value === true) return 't';
    if (is_int($value)) return "i$value";
    if (!is_array($value)) return 's' . bin2hex($value);
    $tokens = array_map(fn($element) => token($element, $error), $value);
    return implode(' ', ['[' . count($value), ...$tokens]);
}

function answer(Redis $client, string $verb, array $commands): string {
    $client->clearLastError();
    if ($verb === 'run' && count($commands) === 1) {
        $value = $client->rawCommand(...$commands[0]);
        return token($value, $client->getLastError());
    }
    $client->multi($verb === 'transaction' ? Redis::MULTI : Redis::PIPELINE);
    foreach ($commands as $words) $client->rawCommand(...$words);
    $replies = $client->exec();
    $error = $client->getLastError();
    if ($verb === 'transaction') return token($replies, $error);
    return implode(' ', array_map(fn($value) => token($value, $error), $replies));
}

$client = connected();
while (($line = fgets(STDIN)) !== false) {
    $texts = explode(' ', rtrim($line, "\n"));
    $verb = array_shift($texts);
    $commands = array_map(fn($text) => array_map('hex2bin', explode(',', $text)), $texts);
    try {
        $answer = answer($client, $verb, $commands);
    } catch (RedisException $lost) {
        $client = connected();
        $answer = answer($client, $verb, $commands);
    }
    fwrite(STDOUT, $answer . "\n");
}
