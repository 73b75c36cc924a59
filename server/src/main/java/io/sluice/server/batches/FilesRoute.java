package io.sluice.server.batches;

import io.helidon.http.HeaderNames;
import io.helidon.http.HeaderValues;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.server.http.ApiError;
import io.sluice.server.http.JsonText;
import io.sluice.server.openai.Serving;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.List;
import java.util.Map;

/// `/v1/files`: what batches read and write. Request threads.
public final class FilesRoute {
    private static final String PURPOSE = "batch";
    private static final int NAME_MAX = 255;

    private final Serving serving;
    private final BatchStore store;

    public FilesRoute(Serving serving, BatchStore store) {
        this.serving = serving;
        this.store = store;
    }

    /// Takes a file.
    public void upload(ServerRequest request, ServerResponse response) throws IOException {
        byte[] body = serving.bodies().read(request);
        String contentType = request.headers().first(HeaderNames.CONTENT_TYPE).orElse("");
        Map<String, Multipart.Part> parts = Multipart.parse(contentType, body);
        Multipart.Part purpose = parts.get("purpose");
        if (purpose == null || !purpose.text().equals(PURPOSE)) {
            throw ApiError.invalid("purpose", "purpose must be batch: files are kept for batches alone.");
        }
        Multipart.Part file = parts.get("file");
        if (file == null) throw ApiError.invalid("file", "file is missing.");
        if (file.content().length == 0) throw ApiError.invalid("file", "file is empty.");
        String name = file.fileName().orElse("file.jsonl");
        if (name.length() > NAME_MAX) name = name.substring(0, NAME_MAX);
        send(response, store.add(owner(request), name, PURPOSE, file.content()).view());
    }

    /// All of the caller's files.
    public void list(ServerRequest request, ServerResponse response) {
        List<Map<String, Object>> files =
                store.files(owner(request)).stream().map(StoredFile::view).toList();
        send(response, Map.of("object", "list", "data", files, "has_more", false));
    }

    /// What is known of one.
    public void get(ServerRequest request, ServerResponse response) {
        send(response, find(request).view());
    }

    /// Its lines, as its client takes them: a file may be larger than the heap.
    public void content(ServerRequest request, ServerResponse response) throws IOException {
        StoredFile file = find(request);
        try (InputStream lines = store.folder().open(file.id())) {
            response.headers().set(HeaderNames.CONTENT_TYPE, "application/jsonl");
            response.headers().contentLength(store.folder().sizeOf(file.id()));
            try (OutputStream out = response.outputStream()) {
                lines.transferTo(out);
            }
        }
    }

    /// Forgets one.
    public void delete(ServerRequest request, ServerResponse response) {
        StoredFile file = find(request);
        store.delete(file);
        send(response, Map.of("id", file.id(), "object", StoredFile.KIND, "deleted", true));
    }

    private StoredFile find(ServerRequest request) {
        String id = request.path().pathParameters().get("id");
        return store.file(id, owner(request)).orElseThrow(() -> BatchStore.notHere("file_id", id));
    }

    private String owner(ServerRequest request) {
        return serving.owners().ownerOf(request);
    }

    static void send(ServerResponse response, Object value) {
        response.header(HeaderValues.CONTENT_TYPE_JSON);
        response.send(JsonText.of(value));
    }
}
