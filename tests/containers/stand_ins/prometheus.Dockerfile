FROM stand-in-debian
RUN apt-get update && apt-get install -y prometheus && apt-get clean \
    && rm -rf /var/lib/apt/lists/* && install -d -o nobody -g nogroup /prometheus
WORKDIR /prometheus
USER nobody
ENTRYPOINT ["prometheus", "--storage.tsdb.path=/prometheus"]
