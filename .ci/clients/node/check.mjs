// Checks a server with OpenAI's client for Node. Arguments: base URL, key, model.
import assert from "node:assert/strict";
import OpenAI from "openai";

const [baseURL, apiKey, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL: baseURL + "/v1", apiKey, maxRetries: 0, timeout: 120_000 });
const messages = [{ role: "user", content: "Tell me a story about a fox." }];
const clock = {
  type: "function",
  function: {
    name: "clock",
    parameters: { type: "object", properties: { zone: { enum: ["UTC", "CET"] } }, required: ["zone"], additionalProperties: false },
  },
};

const checks = {
  async "a chat is answered, whole and as a stream alike"() {
    const request = { model, messages, max_tokens: 20, temperature: 0 };
    const whole = await client.chat.completions.create(request);
    assert.ok(whole.choices[0].message.content.trim());
    assert.equal(whole.usage.total_tokens, whole.usage.prompt_tokens + whole.usage.completion_tokens);
    const stream = client.chat.completions.stream({ ...request, stream_options: { include_usage: true } });
    const final = await stream.finalChatCompletion();
    assert.equal(final.choices[0].message.content, whole.choices[0].message.content);
    assert.equal(final.choices[0].message.role, "assistant");
    assert.equal(final.usage.completion_tokens, whole.usage.completion_tokens);
  },
  async "several choices come as a stream"() {
    const stream = client.chat.completions.stream({ model, messages, max_tokens: 8, n: 3 });
    assert.equal((await stream.finalChatCompletion()).choices.length, 3);
  },
  async "a required call has arguments that parse, also as a stream"() {
    const request = { model, messages, tools: [clock], tool_choice: "required", parallel_tool_calls: false, max_tokens: 60 };
    const whole = (await client.chat.completions.create(request)).choices[0];
    assert.equal(whole.finish_reason, "tool_calls");
    assert.ok(["UTC", "CET"].includes(JSON.parse(whole.message.tool_calls[0].function.arguments).zone));
    const final = (await client.chat.completions.stream(request).finalChatCompletion()).choices[0];
    assert.ok(["UTC", "CET"].includes(JSON.parse(final.message.tool_calls[0].function.arguments).zone));
  },
  async "an answer has the form that its schema says"() {
    const schema = { type: "object", properties: { mood: { enum: ["good", "bad"] } }, required: ["mood"], additionalProperties: false };
    const answer = await client.chat.completions.parse({
      model, messages, max_tokens: 30,
      response_format: { type: "json_schema", json_schema: { name: "mood", strict: true, schema } },
    });
    assert.ok(["good", "bad"].includes(JSON.parse(answer.choices[0].message.content).mood));
  },
  async "a response is answered as a stream of its events"() {
    const events = [];
    for await (const event of await client.responses.create({ model, input: "Hello", max_output_tokens: 8, stream: true })) {
      events.push(event.type);
    }
    assert.equal(events[0], "response.created");
    assert.ok(["response.completed", "response.incomplete"].includes(events.at(-1)), events.at(-1));
  },
  async "texts have embeddings"() {
    const answer = await client.embeddings.create({ model, input: ["a", "b"] });
    assert.equal(answer.data.length, 2);
    assert.ok(Math.abs(answer.data[0].embedding.reduce((sum, x) => sum + x * x, 0) - 1) < 1e-4);
  },
  async "nonsense is an error of the client's own kind"() {
    await assert.rejects(client.chat.completions.create({ model, messages, temperature: 7 }), (error) => {
      assert.ok(error instanceof OpenAI.BadRequestError);
      assert.equal(error.param, "temperature");
      return true;
    });
    await assert.rejects(client.chat.completions.create({ model: "nope", messages }), OpenAI.NotFoundError);
  },
};

for (const [name, check] of Object.entries(checks)) {
  await check();
  console.log("ok " + name);
}
