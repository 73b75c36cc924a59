package io.sluice.server.policy;

import io.sluice.server.settings.NearestName;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The price table while it is read; a class's rates are the usual ones where it names none. One thread.
final class PriceFields {
    static final List<String> RATES = List.of(Rates.PROMPT, Rates.CACHED, Rates.OUTPUT, Rates.DEVICE, Rates.BLOCK);
    static final List<String> NAMES =
            List.of("currency", Rates.PROMPT, Rates.CACHED, Rates.OUTPUT, Rates.DEVICE, Rates.BLOCK, "classes");
    private static final String CURRENCY = "[A-Z]{3}";

    private @Nullable String currency;
    private final Map<String, Double> usual = new HashMap<>();
    private final Map<String, Map<String, Double>> classes = new LinkedHashMap<>();

    /// Takes any field but the classes.
    void take(String field, FieldReader reader) {
        if (!field.equals("currency")) {
            usual.put(field, reader.number(field));
            return;
        }
        currency = reader.text(field);
        if (!currency.matches(CURRENCY)) {
            throw reader.wrong("has the currency \"" + currency + "\"; three letters are expected, such as EUR");
        }
    }

    void takeClass(String name, FieldReader reader) {
        Map<String, Double> own = new HashMap<>();
        reader.fields(RATES, field -> own.put(field, reader.number(field)));
        if (classes.put(name, own) != null) throw reader.wrong("is there twice");
    }

    Prices made(FieldReader reader, Set<String> known) {
        String itsCurrency = currency;
        if (itsCurrency == null) throw reader.wrong("needs a currency, such as EUR");
        Map<String, Rates> own = new LinkedHashMap<>();
        classes.forEach((name, prices) -> {
            if (!known.contains(name)) {
                throw reader.wrong("names a class \"" + name + "\" that there is not" + NearestName.hint(name, known));
            }
            Map<String, Double> all = new HashMap<>(usual);
            all.putAll(prices);
            own.put(name, reader.checked(() -> rates(itsCurrency, all)));
        });
        return new Prices(reader.checked(() -> rates(itsCurrency, usual)), own);
    }

    /// Cached tokens cost what others do unless it says otherwise.
    private static Rates rates(String currency, Map<String, Double> prices) {
        double prompt = prices.getOrDefault(Rates.PROMPT, 0.0);
        return new Rates(
                currency,
                prompt,
                prices.getOrDefault(Rates.CACHED, prompt),
                prices.getOrDefault(Rates.OUTPUT, 0.0),
                prices.getOrDefault(Rates.DEVICE, 0.0),
                prices.getOrDefault(Rates.BLOCK, 0.0));
    }
}
