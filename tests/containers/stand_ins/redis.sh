#!/bin/sh
# Run the command as the user redis, who owns the data, as the image it stands in for does.
set -e
chown redis:redis /data
exec setpriv --reuid=redis --regid=redis --clear-groups "$@"
