/// Changes of a record.
pub const CHANGES: u64 = 3;

/// What a record is about: of the same number always the same.
pub struct About {
    pub id: String,
    pub correlation: String,
    pub entity: u64,
    pub actor: u64,
    pub attributes: [usize; CHANGES as usize],
}

const ATTRIBUTES: [&str; 12] = [
    "/title",
    "/price",
    "/stock",
    "/owner/email",
    "/owner/name",
    "/address/city",
    "/address/street",
    "/tier",
    "/notes/0",
    "/tags/1",
    "/status",
    "/due",
];

/// Entities have ten records each, spread over the log.
pub fn about(record: u64) -> About {
    let mixed = record.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    About {
        id: format!("0199a6c5-8f00-7000-8000-{record:012x}"),
        correlation: format!("a20e389c-134b-40e7-9827-{:012x}", record / 2),
        entity: record % 333_333,
        actor: mixed % 5000,
        attributes: [0, 1, 2].map(|n| (mixed as usize + 5 * n) % ATTRIBUTES.len()),
    }
}

pub fn attribute(number: usize) -> &'static str {
    ATTRIBUTES[number]
}

/// The line of a record, as the sidecar writes it; two of its changes have sealed values.
pub fn line(record: u64) -> Vec<u8> {
    let About { id, correlation, entity, actor, attributes } = about(record);
    let [a, b, c] = attributes.map(attribute);
    let (second, minute, hour) =
        (record / 1000 % 60, record / 60_000 % 60, record / 3_600_000 % 24);
    let time = format!("2026-11-21T{hour:02}:{minute:02}:{second:02}.{:03}Z", record % 1000);
    let token =
        "st1.0.AAAAAAAAAADA_-4AueZJJ_lJXTcesKK6v9mj_vjQ8Xy9LfBCje_Nc3Nkxc47SqM4F2VCjva4u35dK79tx";
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"shop","type":"sealtrail.change.update.v1","subject":"product/{entity}","time":"{time}","datacontenttype":"application/json","recordedtime":"{time}","correlationid":"{correlation}","authtype":"user","authid":"ps1.{actor:022}","data":{{"entity":{{"type":"product","id":"{entity}"}},"action":"update","tenant":"t-{}","actor":{{"type":"user","id":"ps1.{actor:022}"}},"changes":[{{"op":"replace","path":"{a}","old":"{token}","new":"{token}"}},{{"op":"replace","path":"{b}","old":1.10,"new":2.20}},{{"op":"replace","path":"{c}","old":"a word","new":"another word"}}],"seals":[{{"alg":"A256GCM-HS256","group":"contact","kids":["k_{entity:022}","t_standard.2026-11"],"commit":"hSDiaDGLpjo472B1wsaW87HJuJRk5AUtJVykZOseN2o","at":["/data/changes/0/old","/data/changes/0/new"]}}],"policy":{{"id":"shop","version":"3","sha256":"f1f162debd9163969a79c2cb28e03cb2d94733f14a23464c6e1026362a67d82e"}},"engine":{{"version":"0.1.0","sha256":"0000000000000000000000000000000000000000000000000000000000000000"}}}}}}"#,
        entity % 50
    )
    .into_bytes()
}
