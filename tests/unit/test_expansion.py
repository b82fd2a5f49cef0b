from warpline.pipeline.config import load
from warpline.pipeline.expansion import Plan
from warpline.pipeline.paths import join_seeds, split_seeds


def test_networks_are_the_union_of_the_blocks_each_once(raw_config):
    block = raw_config["run"]["grid"][0]
    raw_config["run"]["grid"].append(
        {
            **block,
            "architectures": ["leaky_rnn", "leaky_gru"],
            "curricula": ["master"],
            "comparisons": ["architectures"],
        }
    )
    plan = Plan(load(raw_config))
    assert len(plan.networks) == 6 and len(set(plan.networks)) == 6
    assert plan.architectures("PDM") == ["leaky_rnn", "leaky_gru"]
    assert plan.architectures("PDM", "learning") == ["leaky_rnn"]
    assert plan.curricula("PDM", "leaky_rnn", "architectures") == ["master"]
    assert plan.compares_architectures("PDM")


def test_blocks_of_seeds(raw_config):
    raw_config["jobs"] = {"seeds_per_job": 2}
    plan = Plan(load(raw_config))
    assert plan.blocks == ((1, 2), (3, 4), (5,))
    assert plan.blocks_up_to((3, 4)) == ((1, 2), (3, 4))
    raw_config["run"]["seeds"].append(6)
    assert Plan(load(raw_config)).blocks[:2] == plan.blocks[:2]
    assert split_seeds(join_seeds((3, 4))) == (3, 4)


def test_blocks_of_training_are_their_own(raw_config):
    raw_config["jobs"] = {"seeds_per_job": 5, "seeds_per_training_job": 3}
    plan = Plan(load(raw_config))
    assert plan.training_blocks == ((1, 2, 3), (4, 5)) and plan.blocks == ((1, 2, 3, 4, 5),)


def test_pretraining_is_shared_whatever_its_order(raw_config):
    raw_config["curricula"]["other"] = {"pretrain": ["DelayResponse", "Basic", "Anti"]}
    raw_config["run"]["grid"][0]["curricula"].append("other")
    plan = Plan(load(raw_config))
    assert (
        plan.pretraining("PDM", "other")
        == plan.pretraining("PDM", "pretrain_frozen")
        == "Basic+Anti+DelayResponse"
    )
    assert plan.pretraining("PDM", "master") is None
