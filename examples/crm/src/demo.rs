//! Demo data: the companies and contacts in `defaults.yaml`, with deals and activities whose dates
//! are relative to today.

use chrono::{Days, NaiveDate};
use fastrand::Rng;
use portal_core::admin::AdminField as _;
use serde_json::{Value, json};

use crate::models::{ActivityKind, Amount, Stage};

/// Companies and contacts, four companies per language and two contacts per company.
const COMPANIES: &str = include_str!("defaults.yaml");
const COMPANIES_PER_LANGUAGE: u64 = 4;
/// Number of deals.
const DEALS: u64 = 180;
/// Number of days over which deals were closed.
const PAST_DAYS: u64 = 400;
/// Users who own the rows. They exist as soon as they sign in.
const OWNERS: [&str; 3] = ["maria@example.com", "jonas@example.com", "aiko@example.com"];

/// Kinds of activities.
const KINDS: [ActivityKind; 4] = [
    ActivityKind::Call,
    ActivityKind::Email,
    ActivityKind::Meeting,
    ActivityKind::Offer,
];

/// Names of deals and subjects of activities.
struct Language {
    deals: [&'static str; 3],
    activities: [&'static str; 3],
}

/// Languages in the order of the companies.
const LANGUAGES: [Language; 12] = [
    Language {
        deals: [
            "Lagerverwaltung Werk 2",
            "Wartungsvertrag",
            "Umstellung auf Barcode-Scanner",
        ],
        activities: [
            "Angebot nachfassen",
            "Termin vor Ort",
            "Rückfragen zum Vertrag klären",
        ],
    },
    Language {
        deals: [
            "Warehouse rollout",
            "Annual support contract",
            "Fleet tracking pilot",
        ],
        activities: [
            "Follow up on the offer",
            "Demo for the finance team",
            "Discuss the contract",
        ],
    },
    Language {
        deals: [
            "Renouvellement du contrat",
            "Déploiement en magasin",
            "Contrat de maintenance",
        ],
        activities: [
            "Relancer le devis",
            "Présentation à l’équipe",
            "Préparer l’offre révisée",
        ],
    },
    Language {
        deals: [
            "Ampliación del almacén",
            "Mantenimiento anual",
            "Proyecto piloto de envíos",
        ],
        activities: [
            "Llamar por el presupuesto",
            "Visita a la planta",
            "Enviar la oferta corregida",
        ],
    },
    Language {
        deals: [
            "Wdrożenie systemu magazynowego",
            "Umowa serwisowa",
            "Szkolenie pracowników",
        ],
        activities: [
            "Zadzwonić w sprawie oferty",
            "Spotkanie w siedzibie",
            "Wysłać umowę",
        ],
    },
    Language {
        deals: [
            "Udvidelse af lagerstyring",
            "Serviceaftale",
            "Pilotprojekt for flådestyring",
        ],
        activities: [
            "Følg op på tilbud",
            "Møde på kontoret",
            "Send revideret tilbud",
        ],
    },
    Language {
        deals: [
            "Σύστημα αποθήκης",
            "Ετήσια συντήρηση",
            "Πιλοτικό έργο παρακολούθησης",
        ],
        activities: [
            "Κλήση για την προσφορά",
            "Επίσκεψη στις εγκαταστάσεις",
            "Αποστολή σύμβασης",
        ],
    },
    Language {
        deals: [
            "Складський облік",
            "Річна підтримка",
            "Пілотний проєкт доставки",
        ],
        activities: [
            "Зателефонувати щодо пропозиції",
            "Зустріч в офісі",
            "Надіслати договір",
        ],
    },
    Language {
        deals: [
            "Depo yönetimi kurulumu",
            "Yıllık bakım sözleşmesi",
            "Filo takip projesi",
        ],
        activities: ["Teklif için ara", "Tesis ziyareti", "Sözleşmeyi gönder"],
    },
    Language {
        deals: ["在庫管理システム導入", "年間保守契約", "配送追跡の試験導入"],
        activities: ["見積もりの確認電話", "工場での打ち合わせ", "契約書を送付"],
    },
    Language {
        deals: [
            "نظام إدارة المستودعات",
            "عقد الصيانة السنوي",
            "مشروع تجريبي لتتبع الشحنات",
        ],
        activities: ["متابعة عرض السعر", "اجتماع في المقر", "إرسال العقد"],
    },
    Language {
        deals: [
            "Gestão de estoque",
            "Contrato anual de suporte",
            "Piloto de rastreamento da frota",
        ],
        activities: [
            "Retomar a proposta",
            "Reunião na sede",
            "Enviar o contrato revisado",
        ],
    },
];

/// Returns all rows as YAML for `.default_records(..)`, the same ones for the same day.
pub(crate) fn rows(today: NaiveDate) -> String {
    let mut random = Rng::with_seed(7);
    let mut deals = Vec::new();
    let mut activities = Vec::new();
    for id in 1..=DEALS {
        let company_id = random.u64(1..=LANGUAGES.len() as u64 * COMPANIES_PER_LANGUAGE);
        let language = ((company_id - 1) / COMPANIES_PER_LANGUAGE) as usize;
        let owner = OWNERS[random.usize(..OWNERS.len())];
        let stage = stage(&mut random);
        let closes_on = if Stage::OPEN.contains(&stage) {
            // Some open deals should have been closed already.
            today + Days::new(random.u64(..110)) - Days::new(12)
        } else {
            // Recent deals outnumber old ones.
            let age = PAST_DAYS as f64 * (1.0 - random.f64().sqrt());
            today - Days::new(age as u64)
        };
        let amount = Amount::euros(random.i64(4..=30) * random.i64(2..=16) * 250);
        deals.push(json!({
            "id": id,
            "name": LANGUAGES[language].deals[random.usize(..3)],
            "company_id": company_id,
            "contact_id": company_id * 2 - random.u64(..2),
            "stage": stage.to_value(),
            "amount": amount.to_value(),
            "closes_on": closes_on.to_value(),
            "owner": owner,
        }));
        for _ in 0..random.u32(..=2) {
            activities.push(json!({
                "id": activities.len() + 1,
                "subject": LANGUAGES[language].activities[random.usize(..3)],
                "kind": KINDS[random.usize(..KINDS.len())].to_value(),
                "deal_id": id,
                "owner": (random.u8(..8) > 0).then_some(owner),
                "due_on": due_on(&mut random, stage, today, closes_on).to_value(),
                "done": !Stage::OPEN.contains(&stage) || random.u8(..3) == 0,
            }));
        }
    }
    // JSON is also valid YAML.
    let (deals, activities) = (Value::Array(deals), Value::Array(activities));
    format!("{COMPANIES}deal: {deals}\nactivity: {activities}\n")
}

/// Returns a random stage; the majority of deals are closed, and most of these are won.
fn stage(random: &mut Rng) -> Stage {
    match random.u8(..20) {
        0..9 => Stage::Won,
        9..13 => Stage::Lost,
        13..15 => Stage::Lead,
        15..17 => Stage::Qualified,
        17..19 => Stage::Proposal,
        _ => Stage::Negotiation,
    }
}

/// Returns the due date of an activity: before the closing date, or around today for open deals.
fn due_on(random: &mut Rng, stage: Stage, today: NaiveDate, closes_on: NaiveDate) -> NaiveDate {
    if Stage::OPEN.contains(&stage) {
        today + Days::new(random.u64(..24)) - Days::new(4)
    } else {
        closes_on - Days::new(random.u64(..40))
    }
}
