<?php
// Settings from the environment: NAME_FILE names a file that holds the value, else NAME is it.
function stand_in_setting($name, $default)
{
    if ($file = getenv($name . '_FILE')) {
        return rtrim(file_get_contents($file), "\r\n");
    }
    $value = getenv($name);
    return $value === false ? $default : $value;
}

define('DB_NAME', stand_in_setting('WORDPRESS_DB_NAME', 'wordpress'));
define('DB_USER', stand_in_setting('WORDPRESS_DB_USER', ''));
define('DB_PASSWORD', stand_in_setting('WORDPRESS_DB_PASSWORD', ''));
define('DB_HOST', stand_in_setting('WORDPRESS_DB_HOST', 'mysql'));
define('DB_CHARSET', stand_in_setting('WORDPRESS_DB_CHARSET', 'utf8mb4'));
define('DB_COLLATE', stand_in_setting('WORDPRESS_DB_COLLATE', ''));
// Without a value, every container has its own: as with the real image, sessions do not outlive it then.
define('AUTH_KEY', stand_in_setting('WORDPRESS_AUTH_KEY', 'RANDOM_PHRASE'));
define('SECURE_AUTH_KEY', stand_in_setting('WORDPRESS_SECURE_AUTH_KEY', 'RANDOM_PHRASE'));
define('LOGGED_IN_KEY', stand_in_setting('WORDPRESS_LOGGED_IN_KEY', 'RANDOM_PHRASE'));
define('NONCE_KEY', stand_in_setting('WORDPRESS_NONCE_KEY', 'RANDOM_PHRASE'));
define('AUTH_SALT', stand_in_setting('WORDPRESS_AUTH_SALT', 'RANDOM_PHRASE'));
define('SECURE_AUTH_SALT', stand_in_setting('WORDPRESS_SECURE_AUTH_SALT', 'RANDOM_PHRASE'));
define('LOGGED_IN_SALT', stand_in_setting('WORDPRESS_LOGGED_IN_SALT', 'RANDOM_PHRASE'));
define('NONCE_SALT', stand_in_setting('WORDPRESS_NONCE_SALT', 'RANDOM_PHRASE'));
$table_prefix = stand_in_setting('WORDPRESS_TABLE_PREFIX', 'wp_');
define('WP_DEBUG', (bool) stand_in_setting('WORDPRESS_DEBUG', ''));
if (strpos($_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '', 'https') !== false) {
    $_SERVER['HTTPS'] = 'on';
}
eval(stand_in_setting('WORDPRESS_CONFIG_EXTRA', ''));
if (!defined('ABSPATH')) {
    define('ABSPATH', __DIR__ . '/');
}
require_once ABSPATH . 'wp-settings.php';
