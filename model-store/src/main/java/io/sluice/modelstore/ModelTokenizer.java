package io.sluice.modelstore;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/// A model's tokenizer. Special tokens are found here and cut out; the native library encodes the pieces
/// between them and knows no special token at all, so nothing that a user types can become one. Any thread.
final class ModelTokenizer implements Tokenizer {
    private final TokenizerDefinition definition;
    private final PieceTokenizer pieces;
    private final TokenizerSpecials specials;
    private final BitSet forgeable; // ids that plain text must not give
    private final Map<String, Integer> idOf;

    ModelTokenizer(TokenizerDefinition definition) {
        this.definition = definition;
        pieces = PieceTokenizer.load(definition.file(), definition.json());
        specials = new TokenizerSpecials(definition.specials());
        String[] tokens = definition.tokens();
        idOf = HashMap.newHashMap(tokens.length);
        for (int id = 0; id < tokens.length; id++) {
            idOf.putIfAbsent(tokens[id], id);
        }
        idOf.remove("");
        forgeable = new BitSet();
        definition.specials().forEach(special -> forgeable.set(special.id()));
    }

    @Override
    public int[] encode(String text) {
        int[] ids = encode(text, null);
        OptionalInt bos = definition.bos();
        if (!definition.addBos() || bos.isEmpty() || (ids.length > 0 && ids[0] == bos.getAsInt())) {
            return ids;
        }
        return IntStream.concat(IntStream.of(bos.getAsInt()), Arrays.stream(ids))
                .toArray();
    }

    @Override
    public int[] encodeContinuation(String text) {
        return encode(text, null);
    }

    @Override
    public int[] encode(RenderedChat chat) {
        return encode(chat.text(), chat.fromTemplate());
    }

    private int[] encode(String text, @Nullable BitSet specialsAllowed) {
        IntStream.Builder ids = IntStream.builder();
        int at = 0;
        for (TokenizerSpecials.Match match : specials.find(text, specialsAllowed)) {
            addPiece(text.substring(at, match.start()), at == 0, ids);
            ids.add(match.id());
            at = match.end();
        }
        addPiece(text.substring(at), at == 0, ids);
        return ids.build().toArray();
    }

    private void addPiece(String piece, boolean first, IntStream.Builder ids) {
        if (piece.isEmpty()) {
            return;
        }
        for (long id : pieces.encode(definition.spacePrefix().applied(piece, first))) {
            if (forgeable.get((int) id) && piece.contains(tokenText((int) id))) {
                addSpelledOut(tokenText((int) id), ids);
            } else {
                ids.add((int) id);
            }
        }
    }

    /// A vocabulary may let plain text add up to a special token (Unigram does): then its letters are taken
    /// one by one.
    private void addSpelledOut(String text, IntStream.Builder ids) {
        text.codePoints().mapToObj(Character::toString).forEach(letter -> {
            for (long id : pieces.encode(letter)) {
                if (!forgeable.get((int) id)) {
                    ids.add((int) id);
                }
            }
        });
    }

    @Override
    public String decode(int[] ids) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(ids.length * 4);
        for (int id : ids) {
            bytes.writeBytes(tokenBytes(id));
        }
        String text = bytes.toString(StandardCharsets.UTF_8);
        return definition.stripsLeadingSpace() && text.startsWith(" ") ? text.substring(1) : text;
    }

    @Override
    public byte[] tokenBytes(int id) {
        return isSpecial(id) ? new byte[0] : definition.spelling().bytes(tokenText(id));
    }

    @Override
    public String tokenText(int id) {
        String[] tokens = definition.tokens();
        return id >= 0 && id < tokens.length ? tokens[id] : "";
    }

    @Override
    public OptionalInt tokenId(String token) {
        Integer id = idOf.get(token);
        return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }

    @Override
    public boolean isSpecial(int id) {
        return id >= 0 && definition.hidden().get(id);
    }

    @Override
    public int vocabSize() {
        return definition.tokens().length;
    }

    @Override
    public IncrementalDetokenizer detokenizer() {
        return new ByteDetokenizer(this, definition.stripsLeadingSpace());
    }
}
