FROM node:24.21.0-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN PATH="$PWD/node_modules/.bin:$PATH" node tools/build.ts && npm prune --omit=dev

FROM node:24.21.0-slim
ENV NODE_ENV=production CONVEYOR_STORE=sqlite:/data/conveyor.db
WORKDIR /app
COPY --from=build /build/package.json /build/LICENSE /build/NOTICE ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/proto ./proto
COPY --from=build /build/dist ./dist
RUN ln -s /app/dist/src/cli/main.js /usr/local/bin/conveyor && install -d -o node -g node /data
USER node
VOLUME /data
EXPOSE 2668
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
  CMD ["conveyor", "health", "--address", "127.0.0.1:2668", "--timeout", "3s"]
ENTRYPOINT ["conveyor"]
# Plain text and nobody asked, inside the container's own network: publish the port on loopback alone, or run
# "serve --listen 0.0.0.0:2668 --tokens FILE --tls-cert FILE --tls-key FILE" (docs/security.md).
CMD ["serve", "--listen", "0.0.0.0:2668", "--insecure"]
