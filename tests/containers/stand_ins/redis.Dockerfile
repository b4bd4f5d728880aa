FROM stand-in-debian
RUN apt-get update && apt-get install -y redis-server && apt-get clean \
    && rm -rf /var/lib/apt/lists/* && mkdir -p /data
COPY redis.sh /usr/local/bin/entry
WORKDIR /data
ENTRYPOINT ["sh", "/usr/local/bin/entry"]
