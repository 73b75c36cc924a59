package io.sluice.server.batches;

import io.sluice.server.http.JsonText;
import io.sluice.server.openai.Fields;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;

/// A file that is kept. A value.
///
/// @param owner whose it is
record StoredFile(String id, String owner, String name, String purpose, long bytes, long createdSecond) {
    static final String KIND = "file";
    private static final Pattern ID = Pattern.compile("file-[0-9a-f]{32}(?:-output|-error)?");

    /// As clients see it.
    Map<String, Object> view() {
        Map<String, Object> view = new LinkedHashMap<>();
        view.put("id", id);
        view.put("object", KIND);
        view.put("bytes", bytes);
        view.put("created_at", createdSecond);
        view.put("filename", name);
        view.put("purpose", purpose);
        view.put("status", "processed");
        return view;
    }

    byte[] description() {
        return JsonText.of(Map.of("kind", KIND, "owner", owner, "view", view()));
    }

    /// True if a description is one of a file.
    static boolean isOne(String id, Fields description, Fields view) {
        return KIND.equals(description.string("kind"))
                && ID.matcher(id).matches()
                && view.string("filename") != null
                && view.string("purpose") != null
                && Batch.number(view, "bytes") > 0
                && Batch.number(view, "created_at") > 0;
    }

    static StoredFile of(String owner, Fields view) {
        return new StoredFile(
                Batch.text(view, "id"),
                owner,
                Batch.text(view, "filename"),
                Batch.text(view, "purpose"),
                Batch.number(view, "bytes"),
                Batch.number(view, "created_at"));
    }
}
