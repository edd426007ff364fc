<?php
// Makes the site on the first start, as the form of WordPress would, and brings the database to this version on later ones.

const SECRETS = '/run/secrets/wordpress/';

function secret(string $name): string
{
    return rtrim(file_get_contents(SECRETS . $name), "\r\n");
}

function give_up(string $message): never
{
    fwrite(STDERR, $message . "\n");
    exit(1);
}

// The connection holds a lock, so that of several pods that start at a time one does the work.
function wait_for_database(): mysqli
{
    mysqli_report(MYSQLI_REPORT_OFF);
    [$host, $port] = explode(':', getenv('WORDPRESS_DB_HOST'));
    [$user, $name] = [getenv('WORDPRESS_DB_USER'), getenv('WORDPRESS_DB_NAME')];
    for ($second = 0;; $second++) {
        $link = mysqli_init();
        if (@$link->real_connect($host, $user, secret('database/password'), $name, (int) $port)) {
            $link->query("SELECT GET_LOCK('wordpress-setup', 120)");
            return $link;
        }
        // Access denied, and no such database: nothing that time would change.
        if ($second >= 120 || in_array($link->connect_errno, [1044, 1045, 1049])) {
            give_up("The database {$name} at {$host}:{$port} refuses user {$user}: {$link->connect_error}");
        }
        sleep(1);
    }
}

// WordPress would send the password by mail.
function wp_new_blog_notification($title, $url, $user, $password): void
{
}

$link = wait_for_database();
define('WP_INSTALLING', true);
$_SERVER['HTTP_HOST'] = 'localhost';
require getcwd() . '/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
// Nothing of this needs the network, where it would wait in vain.
add_filter('pre_http_request', fn () => new WP_Error('offline', 'no requests during the setup'));

if (!is_blog_installed() || !get_users(['number' => 1])) {
    wp_install(secret('admin/title'), secret('admin/username'), secret('admin/email'), true, '', wp_slash(secret('admin/password')));
    update_option('permalink_structure', '/%year%/%monthnum%/%day%/%postname%/');
    echo "WordPress is installed.\n";
} elseif ((int) get_option('db_version') < $wp_db_version) {
    wp_upgrade();
    echo "The database is upgraded to version {$wp_db_version}.\n";
}
