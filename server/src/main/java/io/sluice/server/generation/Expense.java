package io.sluice.server.generation;

/// What a request took of the device, and what that costs. A value.
///
/// @param deviceNs its part of the steps that it was computed in
/// @param blockNs KV blocks that it held, times how long
/// @param cost by the price table, tokens included
/// @param currency empty if there is no price table
public record Expense(long deviceNs, long blockNs, double cost, String currency) {
    public static final Expense NONE = new Expense(0, 0, 0, "");

    public boolean isPriced() {
        return !currency.isEmpty();
    }
}
