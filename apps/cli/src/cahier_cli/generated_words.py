"""The words of the generated election: districts, places and works that could be French."""

from __future__ import annotations

# How many of 199 projects belong to each category.
CATEGORIES = {
    "Nature en ville": 78,
    "Cadre de vie": 72,
    "Éco-mobilité": 35,
    "Énergie": 7,
    "Déchets et recyclage": 5,
    "Consommation responsable": 2,
}

DISTRICTS = (
    "Vieille-Halle / Saint-Elme",
    "Les Tanneurs / Port-Neuf",
    "Beaupré / La Garenne",
    "Moulin-Haut / Écluses",
    "Saint-Aubry",
    "Les Cordiers / Belle-Croix",
    "Croix-Rousselle / Pâquis",
    "Montgaillard / Les Vignes",
    "La Prairie / Trois-Ponts",
    "Gare / Bonne-Nouvelle / Faïencerie",
    "Champ-de-Mars / Arsenal",
    "Île-aux-Oies / La Chaussée",
    "Val-Fleuri / L'Orme",
    "Haute-Rive / Campus",
    "Les Mûriers / Fontbelle",
    "Saint-Cyr-des-Bois",
    "Plaine-Basse / Aérodrome",
    "Les Lavandières / Pont-de-Bois",
    "Clos-Marchand / Verrerie",
    "Mirabelle / La Butte",
)

# Three for each district, in the same order.
PLACES = (
    ("place de la Halle", "rue des Merciers", "square Saint-Elme"),
    ("quai des Tanneurs", "Port-Neuf", "rue de l'Étoupe"),
    ("parc Beaupré", "avenue de la Garenne", "école Louise-Aubert"),
    ("Moulin-Haut", "bords du canal", "place des Écluses"),
    ("place Saint-Aubry", "rue du Puits-Vert", "jardin des Sœurs"),
    ("rue des Cordiers", "Belle-Croix", "gymnase Émile-Rouvier"),
    ("les Pâquis", "place Rousselle", "boulevard du Nord"),
    ("Montgaillard", "chemin des Vignes", "école des Coteaux"),
    ("la Prairie", "Trois-Ponts", "rue du Bac"),
    ("parvis de la gare", "cour de la Faïencerie", "rue Bonne-Nouvelle"),
    ("Champ-de-Mars", "allée de l'Arsenal", "collège Jeanne-Marin"),
    ("Île-aux-Oies", "la Chaussée", "chemin de halage"),
    ("Val-Fleuri", "rue de l'Orme", "crèche des Lutins"),
    ("Haute-Rive", "esplanade du campus", "avenue des Sciences"),
    ("les Mûriers", "source de Fontbelle", "rue de la Soie"),
    ("Saint-Cyr-des-Bois", "lisière du bois", "centre social"),
    ("Plaine-Basse", "chemin de l'Aérodrome", "terrain de rugby"),
    ("le lavoir", "Pont-de-Bois", "impasse des Battoirs"),
    ("Clos-Marchand", "la Verrerie", "rue du Four"),
    ("la Butte", "rue Mirabelle", "le belvédère"),
)

WORKS = {
    "Nature en ville": (
        "Planter une micro-forêt",
        "Verger partagé",
        "Abris pour la faune",
        "Végétaliser les façades",
        "Ruches et prairie fleurie",
        "Îlot de fraîcheur : arbres et fontaine",
        "Désimperméabiliser les trottoirs",
        "Jardin potager pédagogique",
        "Mare et sentier de découverte",
        "Alignement d'arbres fruitiers",
        "Cour d'école plantée et ombragée",
        "Nichoirs à mésanges et à chauves-souris",
    ),
    "Cadre de vie": (
        "Bancs à l'ombre",
        "Toilettes publiques",
        "Aire de jeux inclusive",
        "Terrain de pétanque et tables de pique-nique",
        "Fresque participative",
        "Agrès sportifs en plein air",
        "Boîtes à livres",
        "Fontaines à eau",
        "Éclairage plus sobre et plus sûr",
        "Kiosque pour les fêtes de quartier",
        "Rampe et main courante pour tous",
        "Tables d'échecs et de ping-pong",
    ),
    "Éco-mobilité": (
        "Arceaux et abris à vélos",
        "Piste cyclable continue",
        "Zone 30 et traversées plus sûres",
        "Rue aux écoles",
        "Station de réparation et de gonflage",
        "Pédibus : arrêts et fléchage",
        "Feux récompenses",
    ),
    "Énergie": (
        "Panneaux solaires sur les toits",
        "Lampadaires à détecteur de mouvement",
        "Isoler la salle commune",
    ),
    "Déchets et recyclage": (
        "Composteurs de quartier",
        "Bornes de tri mieux placées",
        "Ressourcerie éphémère",
    ),
    "Consommation responsable": (
        "Halle pour les producteurs locaux",
        "Épicerie solidaire et bocaux consignés",
    ),
}
