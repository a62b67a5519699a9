//! Each codec's rules, alone.

use super::*;

const ANSWER: Masks = Masks { local: Kinds::ALL, remote: Kinds::SEND };

/// `NAME name=value ...`
fn codec(media: MediaType, text: &str) -> Codec {
    let mut words = text.split(' ');
    let codec = Codec::new(100, words.next().unwrap(), media, 90000);
    words.fold(codec, |codec, word| {
        let (name, value) = word.split_once('=').unwrap();
        codec.with_param(name, value)
    })
}

fn agree(media: MediaType, local: &str, remote: &str) -> Result<String, Reason> {
    let result = negotiate(&codec(media, local), &codec(media, remote), ANSWER)?;
    let params: Vec<_> = result.optional_params.iter().map(|p| format!("{}={}", p.name, p.value)).collect();
    Ok(params.join(" "))
}

fn audio(local: &str, remote: &str) -> String {
    agree(MediaType::Audio, local, remote).unwrap()
}

fn video(local: &str, remote: &str) -> String {
    agree(MediaType::Video, local, remote).unwrap()
}

/// Parameter and both values of a refusal.
fn refusal(media: MediaType, local: &str, remote: &str) -> (String, Option<String>, Option<String>) {
    match agree(media, local, remote) {
        Err(Reason::Parameter { name, ours, theirs }) => (name, ours, theirs),
        other => panic!("{other:?}"),
    }
}

fn told(name: &str, ours: Option<&str>, theirs: Option<&str>) -> (String, Option<String>, Option<String>) {
    (name.to_owned(), ours.map(str::to_owned), theirs.map(str::to_owned))
}

#[test]
fn parameters_nobody_knows() {
    assert_eq!(audio("X a=1 b=2", "X B=2 c=3"), "B=2 c=3 a=1");
    assert_eq!(audio("X a=1 a=2", "X a=2"), "a=2");
    assert_eq!(refusal(MediaType::Audio, "X a=1", "X a=2"), told("a", Some("1"), Some("2")));
}

#[test]
fn profiles_never_leave_the_session() {
    assert_eq!(audio("X farstream-send-profile=fakesink", "X farstream-recv-profile=filesink"), "");
}

#[test]
fn packet_times_are_not_echoed() {
    assert_eq!(audio("X ptime=20", "X ptime=10 maxptime=60"), "ptime=20");
    let sending = Masks { local: Kinds::BOTH, remote: Kinds::SEND | Kinds::AVOID };
    let ours = codec(MediaType::Audio, "X ptime=20");
    let theirs = codec(MediaType::Audio, "X ptime=10 maxptime=60");
    let sent = negotiate(&ours, &theirs, sending).unwrap();
    assert_eq!((sent.param("ptime"), sent.param("maxptime")), (Some("10"), Some("60")));
}

#[test]
fn ilbc() {
    assert_eq!(audio("iLBC mode=20", "ILBC mode=20"), "mode=20");
    assert_eq!(audio("iLBC mode=20", "ILBC"), "");
    assert_eq!(refusal(MediaType::Audio, "iLBC", "ILBC mode=25"), told("mode", None, Some("25")));
}

#[test]
fn g729() {
    assert_eq!(audio("G729", "G729 annexb=no"), "annexb=no");
    assert_eq!(audio("G729 annexb=no", "G729 annexb=yes"), "annexb=no");
}

#[test]
fn opus() {
    assert_eq!(
        audio("OPUS stereo=0 minptime=10", "opus stereo=1 usedtx=1 minptime=20"),
        "stereo=0 minptime=20"
    );
    assert_eq!(audio("OPUS sprop-stereo=1", "opus sprop-stereo=0 maxaveragebitrate=20000"), "sprop-stereo=1");
    assert!(is_config(&codec(MediaType::Audio, "opus"), "sprop-maxcapturerate"));
    assert!(!lacks_config(&codec(MediaType::Audio, "opus")));
}

#[test]
fn telephone_events() {
    assert_eq!(audio("telephone-event events=0-15", "telephone-event =0-11,66"), "events=0-11");
    assert_eq!(audio("telephone-event", "telephone-event =0-11"), "events=0-11");
    for bad in ["0-", "16-20", "x"] {
        let remote = format!("telephone-event ={bad}");
        let expected = told("events", Some("0-15"), Some(bad));
        assert_eq!(refusal(MediaType::Audio, "telephone-event events=0-15", &remote), expected);
    }
}

#[test]
fn code_books() {
    for (media, name) in [(MediaType::Audio, "VORBIS"), (MediaType::Video, "THEORA")] {
        let bare = codec(media, name);
        assert!(lacks_config(&bare));
        let full = codec(media, &format!("{name} configuration=ours x=1"));
        assert!(!lacks_config(&full));
        assert_eq!(without_config(&full).optional_params.len(), 1);
        let theirs = format!("{name} configuration=theirs");
        assert_eq!(
            agree(media, &format!("{name} configuration=ours"), &theirs).unwrap(),
            "configuration=ours"
        );
    }
}

#[test]
fn h261() {
    assert_eq!(video("H261 qcif=2 cif=3 d=1", "H261 qcif=1 cif=1 d=1"), "qcif=2 cif=3 d=1");
    assert_eq!(video("H261 qcif=2 cif=3 d=1", "H261 qcif=5 d=0"), "");
}

#[test]
fn h263() {
    assert_eq!(video("H263-1998 sqcif=1 cif4=2 p=1,2", "H263-1998 cif4=1 p=2 f=1"), "cif4=2 p=2 sqcif=1");
    assert_eq!(video("H263-2000 profile=3 level=30", "H263-2000 profile=3 level=10"), "profile=3 level=10");
    assert_eq!(video("H263-2000 qcif=2", "H263-2000 qcif=4"), "qcif=4");
    let lone = refusal(MediaType::Video, "H263-2000", "H263-2000 profile=3");
    assert_eq!(lone, told("level", None, None));
    let other = refusal(MediaType::Video, "H263-2000", "H263-2000 profile=3 level=10");
    assert_eq!(other, told("profile", None, Some("3")));
}

#[test]
fn h264() {
    let ours = "H264 max-br=5000 profile-level-id=42E01F packetization-mode=1";
    // The limit counts wherever it stands, as long as a level is agreed.
    assert_eq!(
        video(ours, "H264 max-br=3000 profile-level-id=42C00D packetization-mode=1"),
        "max-br=3000 profile-level-id=42E00D packetization-mode=1"
    );
    assert_eq!(video(ours, "H264 max-br=3000 profile-level-id=640028"), "");
    assert!(lacks_config(&codec(MediaType::Video, ours)));
}

#[test]
fn vp8_and_vp9() {
    assert_eq!(video("VP8 max-fs=1200", "VP8 max-fs=3600 max-fr=30"), "max-fs=1200 max-fr=30");
    assert_eq!(video("VP9", "VP9 profile-id=0"), "profile-id=0");
    assert_eq!(video("VP9 profile-id=0", "VP9"), "profile-id=0");
    let other = refusal(MediaType::Video, "VP9", "VP9 profile-id=2");
    assert_eq!(other, told("profile-id", None, Some("2")));
}

#[test]
fn jpeg2000() {
    assert_eq!(
        video("JPEG2000 sampling=RGB width=100", "JPEG2000 sampling=RGB width=50"),
        "sampling=RGB width=50"
    );
    let missing = refusal(MediaType::Video, "JPEG2000 sampling=RGB", "JPEG2000");
    assert_eq!(missing, told("sampling", Some("RGB"), None));
    let unsaid = refusal(MediaType::Video, "JPEG2000 width=100", "JPEG2000 width=50");
    assert_eq!(unsaid, told("sampling", None, None), "the format is not known without it");
    let wish = codec(MediaType::Video, "JPEG2000 sampling=RGB");
    assert_eq!(
        fits(&codec(MediaType::Video, "JPEG2000"), &wish),
        Ok(()),
        "a wish may name what we leave open"
    );
    assert!(fits(&codec(MediaType::Video, "JPEG2000 sampling=BGR"), &wish).is_err());
}

#[test]
fn h265() {
    assert_eq!(
        video("H265 level-id=120 max-fps=30", "H265 profile-id=1 level-id=93 sprop-sps=AA=="),
        "profile-id=1 level-id=93 max-fps=30"
    );
    assert_eq!(
        video("H265", "H265 level-id=120 tier-flag=0 tx-mode=SRST"),
        "level-id=120 tier-flag=0 tx-mode=SRST"
    );
    let other = refusal(MediaType::Video, "H265", "H265 profile-id=2");
    assert_eq!(other, told("profile-id", None, Some("2")));
    let bare = codec(MediaType::Video, "H265");
    assert!(is_config(&bare, "sprop-vps") && !lacks_config(&bare), "parameter sets may come in the stream");
}

#[test]
fn av1() {
    assert_eq!(
        video("AV1 profile=0 level-idx=8", "AV1 profile=1 level-idx=5 tier=1"),
        "profile=0 level-idx=5 tier=1"
    );
    assert_eq!(video("AV1", "AV1 level-idx=5"), "level-idx=5");
}

#[test]
fn speex() {
    assert_eq!(audio("SPEEX vbr=on penh=1", "speex vbr=vad cng=on"), "vbr=vad cng=on penh=1");
}

#[test]
fn amr() {
    let aligned = "AMR octet-align=1 crc=0 robust-sorting=0 interleaving=0";
    assert_eq!(
        audio(aligned, "AMR octet-align=1 mode-set=0,2,4 mode-change-period=2"),
        "octet-align=1 mode-set=0,2,4 mode-change-period=2 crc=0 robust-sorting=0 interleaving=0"
    );
    let packed = refusal(MediaType::Audio, aligned, "AMR");
    assert_eq!(packed, told("octet-align", Some("1"), None), "bandwidth-efficient, which is another format");
    let crc = refusal(MediaType::Audio, aligned, "AMR octet-align=1 crc=1");
    assert_eq!(
        audio("AMR octet-align=1 crc=1", "AMR crc=1"),
        "crc=1 octet-align=1",
        "a check sum means aligned frames"
    );
    assert_eq!(crc, told("crc", Some("0"), Some("1")));
    assert_eq!(audio("AMR-WB mode-set=0,1,2", "AMR-WB mode-set=2,1,8 max-red=20"), "mode-set=2,1 max-red=20");
    let none = refusal(MediaType::Audio, "AMR mode-set=1", "AMR mode-set=2");
    assert_eq!(none, told("mode-set", Some("1"), Some("2")));
}
