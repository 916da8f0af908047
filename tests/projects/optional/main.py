"""Routes that know who is signed in, and serve others, too."""

import os

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer
from kitchen.rows import find_recipe

app = FastAPI()
scheme = OAuth2PasswordBearer("login", auto_error=False)


def maybe_caller(token: str | None = Depends(scheme)) -> dict | None:
    if not token:
        return None
    try:
        return jwt.decode(token, os.environ["KEY"], algorithms=["HS256"], options={"require": ["exp", "sub"]})
    except jwt.PyJWTError:
        return None


class Recipes:
    def find(self, recipe_id: int, caller: dict | None):
        recipe = find_recipe(recipe_id)
        if recipe.is_draft:
            if not caller:
                raise HTTPException(404)
            if recipe.cook != caller["sub"]:
                raise HTTPException(404)
        return {"title": recipe.title, "text": recipe.text}

    def may_edit(self, recipe_id: int, caller: dict | None):
        recipe = find_recipe(recipe_id)
        if recipe.is_draft:
            if not caller:
                return False
            return recipe.cook == caller["sub"]
        return recipe.is_open


@app.get("/public/recipes/{recipe_id}")
def recipe(recipe_id: int, caller=Depends(maybe_caller), recipes: Recipes = Depends()):
    return recipes.find(recipe_id, caller)


@app.delete("/unknown/recipes/{recipe_id}")
def remove(recipe_id: int, caller=Depends(maybe_caller), recipes: Recipes = Depends()):
    if not recipes.may_edit(recipe_id, caller):
        raise HTTPException(403)
    return find_recipe(recipe_id).remove()
