#!/usr/bin/env bash
# Runs once, when the MySQL container makes a new data folder: one database and one account per service, of which
# none can read another's. The passwords come from compose.yaml's environment.
set -euo pipefail

for service in USERS MOVIES BOOKINGS; do
    password="${service}_DB_PASSWORD"
    name="marquee_${service,,}"
    # In GRANT an underscore stands for any character, unless it is escaped.
    MYSQL_PWD="$MYSQL_ROOT_PASSWORD" mysql --user=root <<SQL
        CREATE DATABASE \`$name\` CHARACTER SET utf8mb4;
        CREATE USER '$name'@'%' IDENTIFIED BY '${!password}';
        GRANT ALL ON \`${name//_/\\_}\`.* TO '$name'@'%';
SQL
done
